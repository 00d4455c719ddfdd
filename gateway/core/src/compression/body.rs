//! Bodies that are compressed as a whole, decompressed as they come.

use bytes::Bytes;
use http::{HeaderMap, header};

use super::Encoding;
use super::inflate::{Fault, Inflate, Output};
use crate::status::{Flag, Status};

/// Decompresses the body of a request with a `content-encoding`.
///
/// A body without a byte is empty, whatever its encoding.
pub struct BodyDecoder {
    encoding: Encoding,
    /// Made when the first byte comes.
    inflate: Option<Box<Inflate>>,
}

/// Why a body cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A piece of the body stands for more bytes than may be held.
    #[error("a piece of the request's body has more than {0} bytes when decompressed")]
    TooLarge(usize),
    /// The body is not in its format, is cut short or has something after its end.
    #[error("the request's body cannot be decompressed as {}", .0.as_str())]
    Broken(Encoding),
    /// The encoding is not known, or is more than one.
    #[error("the request's body has a content-encoding other than one of gzip, deflate, zstd, br and snappy")]
    Unknown,
}

impl From<BodyError> for Status {
    fn from(error: BodyError) -> Status {
        let message = error.to_string();
        match error {
            BodyError::TooLarge(_) => Status::resource_exhausted(message),
            BodyError::Broken(_) => Status::internal(message).with_flag(Flag::ClientProtocolError),
            BodyError::Unknown => Status::unimplemented(message)
                .with_flag(Flag::ClientProtocolError)
                .with_metadata(header::ACCEPT_ENCODING, Encoding::LIST),
        }
    }
}

impl BodyDecoder {
    /// Decompresses a body in this encoding.
    pub fn new(encoding: Encoding) -> BodyDecoder {
        BodyDecoder { encoding, inflate: None }
    }

    /// The decoder that a request's `content-encoding` asks for; `None` when the body is as it is.
    ///
    /// # Errors
    /// [`BodyError::Unknown`] when it names an encoding that is not known, or several.
    pub fn for_request(headers: &HeaderMap) -> Result<Option<BodyDecoder>, BodyError> {
        let mut found = None;
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        for name in values.flat_map(|value| value.as_bytes().split(|&byte| byte == b',')) {
            let name = name.trim_ascii();
            if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let encoding = Encoding::named(name).ok_or(BodyError::Unknown)?;
            if found.replace(encoding).is_some() {
                return Err(BodyError::Unknown);
            }
        }
        Ok(found.map(BodyDecoder::new))
    }

    /// Decompresses the next piece of the body, which may stand for `most` bytes.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] when it stands for more, [`BodyError::Broken`] when it is not in the encoding's format.
    /// The decoder is of no more use then.
    pub fn data(&mut self, piece: &[u8], most: usize) -> Result<Bytes, BodyError> {
        if piece.is_empty() {
            return Ok(Bytes::new());
        }
        let broken = BodyError::Broken(self.encoding);
        let inflate = match &mut self.inflate {
            Some(inflate) => inflate,
            none => {
                let inflate =
                    Inflate::new(self.encoding, Output::within(most)).map_err(|_| broken.clone())?;
                none.insert(Box::new(inflate))
            }
        };
        inflate.output().limit = most;
        match inflate.write(piece) {
            Ok(()) => Ok(inflate.take().into()),
            Err(Fault::TooLarge) => Err(BodyError::TooLarge(most)),
            Err(Fault::Broken) => Err(broken),
        }
    }

    /// Checks that the body may end here.
    ///
    /// # Errors
    /// [`BodyError::Broken`] when it was cut short.
    pub fn end(&mut self) -> Result<(), BodyError> {
        match &mut self.inflate {
            Some(inflate) => inflate.end().map_err(|_| BodyError::Broken(self.encoding)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::status::Code;
    use crate::testing::{feed_in_every_split, pieces};

    fn decode(encoding: Encoding, pieces: Vec<Bytes>) -> Result<Vec<u8>, BodyError> {
        let mut decoder = BodyDecoder::new(encoding);
        let mut body = Vec::new();
        for piece in pieces {
            body.extend_from_slice(&decoder.data(&piece, 1 << 20)?);
        }
        decoder.end()?;
        Ok(body)
    }

    #[test]
    fn decodes_in_every_split() {
        for encoding in Encoding::ALL {
            let body = encoding.compress(b"some text, some more text, and still some more text");
            let seen = feed_in_every_split(&body, |pieces| decode(encoding, pieces));
            assert_eq!(seen.unwrap(), b"some text, some more text, and still some more text");
            let cut = &body[..body.len() - 1];
            let refused = feed_in_every_split(cut, |pieces| decode(encoding, pieces).unwrap_err());
            assert_eq!(refused, BodyError::Broken(encoding));
            assert_eq!(decode(encoding, vec![]).unwrap(), b"");
        }
    }

    #[test]
    fn gives_what_has_come_so_far() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut decoder = BodyDecoder::new(Encoding::Gzip);
        for part in ["one", "two", "three"] {
            encoder.write_all(part.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let piece = std::mem::take(encoder.get_mut());
            assert_eq!(decoder.data(&piece, 100).unwrap(), part);
        }
        decoder.data(&encoder.finish().unwrap(), 0).unwrap();
        decoder.end().unwrap();
    }

    #[test]
    fn stops_a_bomb_of_every_encoding() {
        for encoding in Encoding::ALL {
            let body = encoding.compress(&vec![0; 4 << 20]);
            let refused = BodyDecoder::new(encoding).data(&body, 1 << 20).unwrap_err();
            assert_eq!(refused, BodyError::TooLarge(1 << 20), "{encoding:?}");
            assert_eq!(Status::from(refused).code, Code::ResourceExhausted);
        }
    }

    #[test]
    fn reads_the_header() {
        let check = |values: &[&'static str], want: Result<Option<Encoding>, BodyError>| {
            let values = values.iter().map(|value| HeaderValue::from_static(value));
            let headers = values.map(|value| (header::CONTENT_ENCODING, value)).collect();
            let found = BodyDecoder::for_request(&headers);
            assert_eq!(found.map(|found| found.map(|decoder| decoder.encoding)), want);
        };
        check(&[], Ok(None));
        check(&["Identity", ""], Ok(None));
        check(&["GZIP"], Ok(Some(Encoding::Gzip)));
        check(&["identity, br"], Ok(Some(Encoding::Br)));
        check(&["gzip, br"], Err(BodyError::Unknown));
        check(&["gzip", "gzip"], Err(BodyError::Unknown));
        check(&["foo"], Err(BodyError::Unknown));
        let status = Status::from(BodyError::Unknown);
        assert_eq!(status.code, Code::Unimplemented);
        assert_eq!(status.metadata.unwrap()[header::ACCEPT_ENCODING], "gzip,deflate,zstd,br,snappy");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            encoding in proptest::sample::select(&Encoding::ALL[..]),
            body in prop::collection::vec(any::<u8>(), 0..2000),
            times in 1_usize..100,
            cuts in prop::collection::vec(0_usize..5000, 0..20),
        ) {
            let body = body.repeat(times);
            let compressed = encoding.compress(&body);
            prop_assert_eq!(decode(encoding, pieces(&compressed, &cuts)).unwrap(), body);
        }

        #[test]
        fn garbage_never_panics(
            encoding in proptest::sample::select(&Encoding::ALL[..]),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            cuts in prop::collection::vec(0_usize..50, 0..10),
        ) {
            let _ = decode(encoding, pieces(&bytes.into(), &cuts));
        }
    }
}
