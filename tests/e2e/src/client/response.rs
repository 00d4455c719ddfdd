//! What a client gets: the head, messages, and one end.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::carrier::{Broken, Receive};
use super::connect;
use super::web::{Base64Runs, parse_block};
use super::{Encoding, Exchanged};
use crate::frame::Frames;
use crate::within;

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status; 200 on WebTransport, which has none.
    pub status: StatusCode,
    /// The header fields: initial metadata, or of a trailers-only response all there is.
    pub headers: HeaderMap,
}

/// What comes next in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Message(Bytes),
    /// A message that is compressed, as it came.
    Compressed(Bytes),
    /// The end, with a status.
    End(End),
    /// The response broke off, or ended without a status.
    Broken(Broken),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// `grpc-status`.
    pub code: u8,
    /// `grpc-message`, decoded.
    pub message: String,
    /// `grpc-status-details-bin`, base64.
    pub details: Option<String>,
    /// Trailing metadata, without the three.
    pub trailers: HeaderMap,
    /// Whether the status was in the head, and there was no body.
    pub trailers_only: bool,
}

/// The gateway's direction.
pub struct ResponseStream {
    encoding: Encoding,
    receive: Receive,
    head: Option<Head>,
    frames: Frames,
    base64: Base64Runs,
    waiting: VecDeque<Received>,
    extensions: VecDeque<(u8, Bytes)>,
    ended: bool,
}

impl std::fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResponseStream({:?})", self.encoding)
    }
}

impl ResponseStream {
    pub(super) fn new(encoding: Encoding, receive: Receive) -> ResponseStream {
        ResponseStream {
            encoding,
            receive,
            head: None,
            frames: Frames::default(),
            base64: Base64Runs::default(),
            waiting: VecDeque::new(),
            extensions: VecDeque::new(),
            ended: false,
        }
    }

    pub(super) fn into_receive(self) -> Receive {
        self.receive
    }

    /// Waits for the head.
    ///
    /// # Errors
    /// When the response broke off before it.
    pub async fn head(&mut self) -> Result<Head, Broken> {
        if self.head.is_none() {
            let (status, headers) = within("the head of a response", self.receive.head()).await?;
            self.head = Some(Head { status, headers });
            // The head of a WebTransport stream is its first frame.
            if matches!(self.receive, Receive::WebTransport(_) | Receive::WebSocket(_)) {
                let next = self.next().await;
                self.waiting.push_front(next);
            }
        }
        Ok(self.head.clone().unwrap())
    }

    /// What comes next. After the end or a break nothing does.
    pub async fn recv(&mut self) -> Received {
        if let Err(broken) = self.head().await {
            return Received::Broken(broken);
        }
        match self.waiting.pop_front() {
            Some(received) => received,
            None => within("the next part of a response", self.next()).await,
        }
    }

    /// The next message, which must come next.
    pub async fn message(&mut self) -> Bytes {
        match self.recv().await {
            Received::Message(payload) => payload,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// The end, which must come next.
    pub async fn end(&mut self) -> End {
        match self.recv().await {
            Received::End(end) => end,
            other => panic!("{other:?} instead of the end"),
        }
    }

    /// The next extension frame of grpc-wt and grpc-ws: its flags and its payload. What comes before it is kept for later.
    pub async fn extension(&mut self) -> (u8, Bytes) {
        assert_eq!(self.encoding, Encoding::Wt, "only these have extension frames");
        within("an extension frame", async {
            let (status, headers) = self.receive.head().await.unwrap();
            self.head.get_or_insert(Head { status, headers });
            loop {
                while let Some(received) = self.pop() {
                    self.waiting.push_back(received);
                }
                if let Some(extension) = self.extensions.pop_front() {
                    return extension;
                }
                match self.receive.data().await {
                    Ok(Some(bytes)) => self.frames.push(&bytes),
                    end => panic!("{end:?} instead of an extension frame"),
                }
            }
        })
        .await
    }

    /// How many extension frames have come that nobody has asked for.
    pub fn extensions(&self) -> usize {
        self.extensions.len()
    }

    /// Everything that is left.
    pub async fn all(&mut self) -> Exchanged {
        let mut messages = Vec::new();
        let end = loop {
            match self.recv().await {
                Received::Message(payload) => messages.push(payload),
                Received::Compressed(_) => panic!("these messages are not compressed"),
                Received::End(end) => break Ok(end),
                Received::Broken(broken) => break Err(broken.what),
            }
        };
        Exchanged { head: self.head.clone(), messages, end }
    }

    /// Reads the body as it is, for responses that are no RPC's.
    pub async fn body(&mut self) -> Bytes {
        let mut body = Vec::new();
        while let Some(bytes) = self.bytes().await {
            body.extend_from_slice(&bytes);
        }
        body.into()
    }

    /// The next bytes of such a body; `None` at its end.
    pub async fn bytes(&mut self) -> Option<Bytes> {
        self.head().await.unwrap();
        within("a body", self.receive.data()).await.unwrap()
    }

    async fn next(&mut self) -> Received {
        assert!(!self.ended, "nothing comes after the end");
        loop {
            if let Some(received) = self.pop() {
                return received;
            }
            match self.receive.data().await {
                Err(broken) => return self.broken(broken),
                Ok(Some(bytes)) if self.encoding == Encoding::WebText => {
                    let bytes = self.base64.decode(&bytes);
                    self.frames.push(&bytes);
                }
                Ok(Some(bytes)) => self.frames.push(&bytes),
                Ok(None) => return self.transport_end().await,
            }
        }
    }

    fn pop(&mut self) -> Option<Received> {
        let (flags, payload) = self.frames.pop()?;
        match (flags, self.encoding) {
            (0, _) => Some(Received::Message(payload)),
            (1, _) => Some(Received::Compressed(payload)),
            (flags, Encoding::Wt) if flags & 0x20 != 0 => {
                self.extensions.push_back((flags, payload));
                self.pop()
            }
            (0x40, Encoding::Wt) => {
                let head = self.head.as_mut().expect("set before the first frame is read");
                head.headers = parse_block(&payload);
                self.pop()
            }
            (connect::HEADERS, Encoding::Connect) => {
                let head = self.head.as_mut().expect("set before the first frame is read");
                head.headers = connect::parse_headers(&payload);
                self.pop()
            }
            (0x80, Encoding::Wt | Encoding::Web | Encoding::WebText) => {
                self.ended = true;
                assert!(!self.frames.mid_frame(), "nothing follows the trailers");
                Some(Received::End(end(parse_block(&payload), false)))
            }
            (2, Encoding::Connect) => {
                self.ended = true;
                assert!(!self.frames.mid_frame(), "nothing follows the end of the stream");
                Some(Received::End(connect::end_of_stream(&payload)))
            }
            (flags, encoding) => panic!("a frame with flags {flags:#x} in {encoding:?}"),
        }
    }

    /// The transport has nothing more.
    async fn transport_end(&mut self) -> Received {
        if self.frames.mid_frame() || !self.base64.is_whole() {
            return self.broken(Broken::new(None, "the response ended inside a message"));
        }
        let trailers = match self.receive.trailers().await {
            Ok(trailers) => trailers,
            Err(broken) => return self.broken(broken),
        };
        assert!(
            trailers.is_none() || self.encoding == Encoding::Grpc,
            "{:?} has no HTTP trailers",
            self.encoding
        );
        self.ended = true;
        let head = self.head.as_ref().expect("read first");
        match trailers {
            Some(trailers) if trailers.contains_key("grpc-status") => Received::End(end(trailers, false)),
            None if head.headers.contains_key("grpc-status") => {
                Received::End(end(head.headers.clone(), true))
            }
            _ => {
                let what = format!("HTTP {} without a grpc-status", head.status);
                Received::Broken(Broken::new(None, what))
            }
        }
    }

    fn broken(&mut self, broken: Broken) -> Received {
        self.ended = true;
        Received::Broken(broken)
    }
}

fn end(mut trailers: HeaderMap, trailers_only: bool) -> End {
    assert_eq!(trailers.get_all("grpc-status").iter().count(), 1, "one status: {trailers:?}");
    let status = trailers.remove("grpc-status").unwrap();
    let text = |value: http::HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
    End {
        code: text(status).parse().expect("grpc-status is a number"),
        message: trailers
            .remove("grpc-message")
            .map(|value| percent_decode(&text(value)))
            .unwrap_or_default(),
        details: trailers.remove("grpc-status-details-bin").map(text),
        trailers,
        trailers_only,
    }
}

/// Decodes a `grpc-message`. Written apart from the gateway's decoder, so that they cannot agree on a mistake.
fn percent_decode(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("two hexadecimal digits after %"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("a message is UTF-8")
}
