//! Connection ids that a load balancer can read the server from: QUIC-LB.
//!
//! Source: draft-ietf-quic-load-balancers-21, sections 3 and 5, and its test vectors.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

use super::LONGEST;

/// The shortest nonce. Source: section 5.3.
const SHORTEST_NONCE: usize = 4;
/// Octets of server id and nonce that are encrypted at once. Source: section 5.4.1.
const BLOCK: usize = 16;
/// The id of no configuration: not even a balancer that knows them all finds a server in it. Source: section 3.2.
const UNROUTABLE: u8 = 7;
/// Server id and nonce, and the first octet before them.
const LONGEST_PLAINTEXT: usize = LONGEST - 1;

/// How a load balancer finds this server in a connection id.
#[derive(Clone)]
pub struct QuicLb {
    config_id: u8,
    server_id: Vec<u8>,
    nonce_length: usize,
    key: Option<Aes128>,
}

/// What no configuration of QUIC-LB can be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuicLb {
    /// The id of the configuration has three bits, and 7 means that there is no configuration.
    #[error("the id of the configuration is between 0 and 6")]
    ConfigId,
    /// There is no server id.
    #[error("the server's id has at least one octet")]
    ServerId,
    /// The nonce is too short for ids to differ.
    #[error("the nonce has at least {SHORTEST_NONCE} octets")]
    Nonce,
    /// QUIC has no ids that are so long.
    #[error("the server's id and the nonce have at most {LONGEST_PLAINTEXT} octets together, not {0}")]
    TooLong(usize),
}

impl std::fmt::Debug for QuicLb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuicLb")
            .field("config_id", &self.config_id)
            .field("server_id", &self.server_id)
            .field("nonce_length", &self.nonce_length)
            .finish_non_exhaustive()
    }
}

impl QuicLb {
    /// A server with this id in the configuration of the balancer with that id. Without a key, everybody on the way can
    /// tell which server a connection is at.
    ///
    /// # Errors
    /// If the draft forbids it.
    pub fn new(
        config_id: u8,
        server_id: &[u8],
        nonce_length: usize,
        key: Option<[u8; 16]>,
    ) -> Result<QuicLb, BadQuicLb> {
        let length = server_id.len() + nonce_length;
        if config_id >= UNROUTABLE {
            return Err(BadQuicLb::ConfigId);
        }
        if server_id.is_empty() {
            return Err(BadQuicLb::ServerId);
        }
        if nonce_length < SHORTEST_NONCE {
            return Err(BadQuicLb::Nonce);
        }
        if length > LONGEST_PLAINTEXT {
            return Err(BadQuicLb::TooLong(length));
        }
        let key = key.map(|key| Aes128::new(&key.into()));
        Ok(QuicLb { config_id, server_id: server_id.to_vec(), nonce_length, key })
    }

    /// The octets of an id that balancers know: the first, the server's id and the nonce.
    pub(crate) fn len(&self) -> usize {
        1 + self.server_id.len() + self.nonce_length
    }

    /// Writes this server into an id of this length, all of which is random before. Without a `nonce` the id is one that
    /// no balancer finds a server in.
    pub(crate) fn write(&self, id: &mut [u8], length: usize, nonce: Option<u128>) {
        let config_id = if nonce.is_some() { self.config_id } else { UNROUTABLE };
        let Some((first, plaintext)) = id.split_first_mut() else { return };
        // The length of what follows; it fits the five bits, because an id has at most 20 octets.
        *first = config_id << 5 | (length.saturating_sub(1) as u8 & 0x1f);
        let (Some(nonce), Some((plaintext, _))) = (nonce, plaintext.split_at_mut_checked(self.len() - 1))
        else {
            return;
        };
        let (server_id, random) = plaintext.split_at_mut(self.server_id.len());
        server_id.copy_from_slice(&self.server_id);
        // Nonces that are shown are random; those that are hidden need only differ.
        if let Some(key) = &self.key {
            for (octet, counted) in random.iter_mut().rev().zip(nonce.to_le_bytes()) {
                *octet = counted;
            }
            encrypt(key, plaintext);
        }
    }
}

/// The nonces that a server has left: each once, beginning anywhere.
#[derive(Debug)]
pub(crate) struct Nonces {
    next: u128,
    left: u128,
    counts: bool,
}

impl Nonces {
    pub(crate) fn starting_at(next: u128, quic_lb: &QuicLb) -> Nonces {
        // A longer nonce keeps its first octets random, and counts in those that are as many as this.
        let bits = 8 * quic_lb.nonce_length.min(16) as u32;
        let left = 1u128.checked_shl(bits).map_or(u128::MAX, |count| count);
        Nonces { next, left, counts: quic_lb.key.is_some() }
    }

    /// One that was not used yet. Source: section 9.6: no nonce is used twice with a key.
    pub(crate) fn next(&mut self) -> Option<u128> {
        if self.counts {
            self.left = self.left.checked_sub(1)?;
            self.next = self.next.wrapping_add(1);
        }
        Some(self.next)
    }
}

/// Encrypts server id and nonce, of 5 to 19 octets, in place.
fn encrypt(key: &Aes128, plaintext: &mut [u8]) {
    if let Ok(block) = <&mut [u8; BLOCK]>::try_from(&mut *plaintext) {
        return key.encrypt_block(block.into());
    }
    four_passes(key, plaintext);
}

/// Half of what four passes encrypt, and octets that stay zero.
type Half = [u8; BLOCK];

/// Source: section 5.4.2.3.
fn four_passes(key: &Aes128, plaintext: &mut [u8]) {
    let length = plaintext.len();
    let half_length = length.div_ceil(2);
    let is_odd = !length.is_multiple_of(2);
    let (mut left, mut right): (Half, Half) = Default::default();
    for (to, from) in left.iter_mut().zip(plaintext.iter().take(half_length)) {
        *to = *from;
    }
    for (to, from) in right.iter_mut().zip(plaintext.iter().skip(length - half_length)) {
        *to = *from;
    }
    // The octet in the middle of an odd number belongs to both, four bits each.
    let clear = |left: &mut Half, right: &mut Half| {
        if is_odd {
            left.iter_mut().skip(half_length - 1).take(1).for_each(|octet| *octet &= 0xf0);
            right.iter_mut().take(1).for_each(|octet| *octet &= 0x0f);
        }
    };
    clear(&mut left, &mut right);
    for pass in 1..=4 {
        let (from, to) = if pass % 2 == 1 { (&left, &mut right) } else { (&right, &mut left) };
        let mut block = *from;
        let [.., length_octet, pass_octet] = &mut block;
        (*length_octet, *pass_octet) = (length as u8, pass);
        key.encrypt_block((&mut block).into());
        for (to, mask) in to.iter_mut().zip(block).take(half_length) {
            *to ^= mask;
        }
        clear(&mut left, &mut right);
    }
    plaintext.fill(0);
    for (to, from) in plaintext.iter_mut().zip(left).take(half_length) {
        *to |= from;
    }
    for (to, from) in plaintext.iter_mut().skip(length - half_length).zip(right) {
        *to |= from;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        assert!(hex.len().is_multiple_of(2));
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// What the draft says comes of this.
    fn check(config_id: u8, server_id: &str, nonce: &str, key: Option<&str>, expected: &str) {
        let (server_id, nonce) = (octets(server_id), octets(nonce));
        let key = key.map(|key| octets(key).try_into().unwrap());
        let quic_lb = QuicLb::new(config_id, &server_id, nonce.len(), key).unwrap();
        let length = quic_lb.len();
        let mut id = [0; LONGEST];
        id[1 + server_id.len()..length].copy_from_slice(&nonce);
        let number = nonce.iter().fold(0, |number, octet| number << 8 | u128::from(*octet));
        quic_lb.write(&mut id, length, Some(number));
        assert_eq!(id[..length], octets(expected));
    }

    /// Appendix B.1.
    #[test]
    fn the_drafts_unencrypted_ids() {
        check(0, "c4605e", "4504cc4f", None, "07c4605e4504cc4f");
        check(1, "350d28b420", "3487d970b2", None, "2a350d28b4203487d970b2");
    }

    /// Appendix B.2, and the example of section 5.4.2.4.
    #[test]
    fn the_drafts_encrypted_ids() {
        let key = Some("8f95f09245765f80256934e50c66207f");
        check(0, "ed793a", "ee080dbf", key, "0720b1d07b359d3c");
        check(1, "ed793a51d49b8f5fab65", "ee080dbf48", key, "2fcc381bc74cb4fbad2823a3d1f8fed2");
        check(2, "ed793a51d49b8f5f", "ee080dbf48c0d1e5", key, "504dd2d05a7b0de9b2b9907afb5ecf8cc3");
        // The draft says that this is configuration 3, which its first octet does not.
        check(0, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d", key, "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc");
        check(0, "31441a", "9c69c275", Some("fdf726a9893ec05c0632d3956680baf0"), "0767947d29be054a");
    }

    #[test]
    fn refuses_what_the_draft_forbids() {
        let check = |config_id: u8, server_id: usize, nonce: usize, expected: Result<usize, BadQuicLb>| {
            let made = QuicLb::new(config_id, &vec![7; server_id], nonce, None);
            assert_eq!(made.map(|made| made.len()), expected);
        };
        check(6, 1, 4, Ok(6));
        check(0, 15, 4, Ok(20));
        check(0, 1, 18, Ok(20));
        check(7, 1, 4, Err(BadQuicLb::ConfigId));
        check(0, 0, 4, Err(BadQuicLb::ServerId));
        check(0, 1, 3, Err(BadQuicLb::Nonce));
        check(0, 16, 4, Err(BadQuicLb::TooLong(20)));
    }

    #[test]
    fn uses_each_nonce_once() {
        let quic_lb = QuicLb::new(0, &[1], 4, Some([7; 16])).unwrap();
        let mut nonces = Nonces::starting_at(u128::from(u32::MAX), &quic_lb);
        let first: Vec<u32> = (0..3).map(|_| nonces.next().unwrap() as u32).collect();
        assert_eq!(first, [0, 1, 2]);
        nonces.left = 1;
        assert!(nonces.next().is_some() && nonces.next().is_none());
        let mut id = [0; LONGEST];
        quic_lb.write(&mut id, quic_lb.len(), None);
        assert_eq!(id[0] >> 5, UNROUTABLE);
    }

    /// The inverse of four passes, as a balancer does it.
    fn decrypt(key: &Aes128, ciphertext: &mut [u8]) {
        let length = ciphertext.len();
        let half_length = length.div_ceil(2);
        let mut halves = [[0; BLOCK]; 2];
        halves[0][..half_length].copy_from_slice(&ciphertext[..half_length]);
        halves[1][..half_length].copy_from_slice(&ciphertext[length - half_length..]);
        let clear = |halves: &mut [Half; 2]| {
            if length % 2 == 1 {
                halves[0][half_length - 1] &= 0xf0;
                halves[1][0] &= 0x0f;
            }
        };
        clear(&mut halves);
        for pass in (1..=4u8).rev() {
            let from = usize::from(pass % 2 == 0);
            let mut block = halves[from];
            (block[14], block[15]) = (length as u8, pass);
            key.encrypt_block((&mut block).into());
            for (to, mask) in halves[1 - from][..half_length].iter_mut().zip(block) {
                *to ^= mask;
            }
            clear(&mut halves);
        }
        ciphertext.fill(0);
        for at in 0..half_length {
            ciphertext[at] |= halves[0][at];
            ciphertext[length - half_length + at] |= halves[1][at];
        }
    }

    proptest! {
        #[test]
        fn balancers_find_the_server(
            server_id in proptest::collection::vec(any::<u8>(), 1..=15),
            nonce_length in 4usize..=18,
            key: [u8; 16],
            nonce: u128,
        ) {
            prop_assume!(server_id.len() + nonce_length <= LONGEST_PLAINTEXT);
            prop_assume!(server_id.len() + nonce_length != BLOCK);
            let quic_lb = QuicLb::new(3, &server_id, nonce_length, Some(key)).unwrap();
            let mut id = [0x55; LONGEST];
            quic_lb.write(&mut id, quic_lb.len(), Some(nonce));
            prop_assert_eq!(id[0], 3 << 5 | (quic_lb.len() - 1) as u8);
            decrypt(&Aes128::new(&key.into()), &mut id[1..quic_lb.len()]);
            prop_assert_eq!(&id[1..=server_id.len()], &server_id[..]);
            let shown = nonce.to_be_bytes();
            let counted = nonce_length.min(16);
            prop_assert_eq!(&id[quic_lb.len() - counted..quic_lb.len()], &shown[16 - counted..]);
        }
    }
}
