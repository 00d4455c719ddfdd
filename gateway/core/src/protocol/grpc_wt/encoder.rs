//! Writes a response: everything is a frame in the stream's bytes.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::super::{Ending, Outbox, append_all, header_block, put_status};
use super::flags;
use crate::call::{End, ResponseHead};
use crate::metadata::name;
use crate::status::Status;

/// The codec when nobody names one.
pub(super) const CONTENT_TYPE: &str = "application/grpc+proto";

#[derive(Default)]
pub(super) struct Encoder {
    /// The response says first that nothing of the call was processed.
    pub(super) is_refusal: bool,
}

impl super::Encoder for Encoder {
    fn head(&mut self, head: ResponseHead, out: &mut Outbox) {
        let content_type = head.content_type.unwrap_or(HeaderValue::from_static(CONTENT_TYPE));
        out.data(header_block::frame(flags::HEADERS, |block| {
            header_block::write_line(&header::CONTENT_TYPE, &content_type, block);
            if let Some(encoding) = &head.encoding {
                header_block::write_line(&name::GRPC_ENCODING, encoding, block);
            }
            if let Some(accept_encoding) = &head.accept_encoding {
                header_block::write_line(&name::GRPC_ACCEPT_ENCODING, accept_encoding, block);
            }
            header_block::write(&head.metadata, block);
        }));
    }

    fn data(&mut self, frames: Bytes, out: &mut Outbox) -> Result<(), Status> {
        out.data(frames);
        Ok(())
    }

    fn end(&mut self, end: End, out: &mut Outbox) {
        if self.is_refusal {
            out.data(Bytes::from_static(super::REFUSED));
        }
        let mut trailers = end.trailers;
        put_status(&end.status, &mut trailers);
        out.data(header_block::frame(flags::TRAILERS, |block| header_block::write(&trailers, block)));
        out.end(Ending::Clean);
    }

    // Trailers as the first frame hold what the head would have held.
    fn trailers_only(&mut self, head: HeaderMap, end: End, out: &mut Outbox) {
        let mut trailers = head;
        append_all(&mut trailers, end.trailers);
        self.end(End { trailers, ..end }, out);
    }
}
