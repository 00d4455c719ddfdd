//! Follows the frames of a stream, whatever they are, for whoever wants to put one between them.

use crate::message::PREFIX;

use super::flags;

/// Knows where in a stream's frames its next byte stands. It keeps none of them.
#[derive(Debug, Default)]
pub struct Follower {
    /// Bytes of the current prefix that have passed.
    prefix: usize,
    length: u32,
    /// Bytes of the current payload to come.
    left: usize,
    flags: u8,
    ended: bool,
}

impl Follower {
    /// Whether a frame may be put here: between two others, and before the end.
    pub fn at_border(&self) -> bool {
        self.prefix == 0 && self.left == 0 && !self.ended
    }

    /// The stream has ended.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Takes bytes up to the end of the current frame, if it is among them. How many those are; none only of no bytes.
    pub fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(&byte) = bytes.get(taken)
            && (self.left == 0 || self.prefix > 0)
        {
            if self.prefix == 0 {
                self.flags = byte;
            } else {
                self.length = self.length << 8 | u32::from(byte);
            }
            taken += 1;
            self.prefix += 1;
            if self.prefix == PREFIX {
                self.prefix = 0;
                self.left = std::mem::take(&mut self.length) as usize;
                // Behind the trailers there is nothing.
                self.ended |= self.flags == flags::TRAILERS;
                if self.left == 0 {
                    return taken;
                }
                break;
            }
        }
        let payload = self.left.min(bytes.len() - taken);
        self.left -= payload;
        taken + payload
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::pieces;

    /// Where frames may be put, as places in the bytes.
    fn borders(pieces: &[&[u8]]) -> Vec<usize> {
        let (mut follower, mut place, mut borders) = (Follower::default(), 0, vec![]);
        for piece in pieces {
            let mut passed = 0;
            while passed < piece.len() {
                if follower.at_border() {
                    borders.push(place + passed);
                }
                let step = follower.pass(&piece[passed..]);
                assert!(step > 0);
                passed += step;
            }
            place += piece.len();
        }
        if follower.at_border() {
            borders.push(place);
        }
        borders
    }

    #[test]
    fn finds_every_border_before_the_trailers() {
        let stream = b"\x40\0\0\0\x02ab\0\0\0\0\0\x21\0\0\0\x01c\x80\0\0\0\0";
        assert_eq!(borders(&[stream]), [0, 7, 12, 18]);
        assert_eq!(borders(&[b"\0\0\0\0\x01a"]), [0, 6]);
        assert_eq!(borders(&[b"\0\0\0\0\x02a"]), [0]);
        assert_eq!(borders(&[]), [0]);
    }

    proptest! {
        #[test]
        fn never_depends_on_the_split(
            bytes in prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 0..80),
            cuts in prop::collection::vec(1usize..12, 0..40),
        ) {
            let split = pieces(&bytes.clone().into(), &cuts);
            let split: Vec<&[u8]> = split.iter().map(|piece| &piece[..]).collect();
            prop_assert_eq!(borders(&split), borders(&[&bytes]));
        }
    }
}
