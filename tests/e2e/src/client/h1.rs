//! HTTP/1.1 by hand, one connection per request, chunked both ways.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::carrier::Broken;
use crate::certificate::client_tls;

/// Where a request's connection goes.
#[derive(Clone, Copy, Debug)]
pub struct Dial {
    /// The listener.
    pub address: SocketAddr,
    /// Whether TLS is spoken.
    pub tls: bool,
}

/// A connection, encrypted or not.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + std::marker::Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + std::marker::Send> Socket for T {}

/// A TLS connection that negotiated `alpn`.
pub(super) async fn dial_tls(address: SocketAddr, alpn: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    let socket = dial_plain(address).await;
    let connector = TlsConnector::from(Arc::new(client_tls(&[alpn])));
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(alpn.as_bytes()), "the gateway negotiates {alpn}");
    stream
}

/// A plaintext connection.
pub(super) async fn dial_plain(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

impl Dial {
    /// Connects.
    pub async fn dial(&self) -> Box<dyn Socket> {
        match self.tls {
            true => Box::new(dial_tls(self.address, "http/1.1").await),
            false => Box::new(dial_plain(self.address).await),
        }
    }

    pub(super) async fn open(&self, request: Request<()>) -> (Send, Receive) {
        let socket = self.dial().await;
        let mut head =
            format!("{} {} HTTP/1.1\r\n", request.method(), request.uri().path_and_query().unwrap());
        write!(head, "host: {}\r\ntransfer-encoding: chunked\r\n", request.uri().authority().unwrap())
            .unwrap();
        let mut head = head.into_bytes();
        for (name, value) in request.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let (read, mut write) = tokio::io::split(socket);
        write.write_all(&head).await.unwrap();
        write.flush().await.unwrap();
        (Send(write), Receive { read, buffer: BytesMut::new(), body: Body::Unknown })
    }
}

pub(super) struct Send(WriteHalf<Box<dyn Socket>>);

impl Send {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Broken> {
        if bytes.is_empty() {
            return Ok(());
        }
        let size = format!("{:x}\r\n", bytes.len());
        let written = async {
            self.0.write_all(size.as_bytes()).await?;
            self.0.write_all(&bytes).await?;
            self.0.write_all(b"\r\n").await?;
            self.0.flush().await
        };
        written.await.map_err(|error| Broken::new(None, error))
    }

    pub(super) async fn finish(&mut self) -> Result<(), Broken> {
        let written = async {
            self.0.write_all(b"0\r\n\r\n").await?;
            self.0.flush().await
        };
        written.await.map_err(|error| Broken::new(None, error))
    }
}

pub(super) struct Receive {
    read: ReadHalf<Box<dyn Socket>>,
    buffer: BytesMut,
    body: Body,
}

enum Body {
    Unknown,
    Chunked { left: usize },
    Length(usize),
    UntilClose,
    Ended,
}

impl Receive {
    pub(super) async fn head(&mut self) -> Result<(StatusCode, HeaderMap), Broken> {
        let status_line = self.line().await?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: StatusCode = status.unwrap_or_else(|| panic!("no HTTP response: {status_line:?}"));
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header line has a colon");
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value.trim()).unwrap(),
            );
        }
        self.body = if headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
            Body::Chunked { left: 0 }
        } else if let Some(length) = headers.get("content-length") {
            Body::Length(length.to_str().unwrap().parse().unwrap())
        } else if status == StatusCode::NO_CONTENT || status.is_informational() {
            Body::Ended
        } else {
            Body::UntilClose
        };
        Ok((status, headers))
    }

    pub(super) async fn data(&mut self) -> Result<Option<Bytes>, Broken> {
        match self.body {
            Body::Unknown => panic!("the head is read first"),
            Body::Ended | Body::Length(0) => Ok(None),
            Body::UntilClose => {
                if self.buffer.is_empty() && self.fill().await? == 0 {
                    self.body = Body::Ended;
                    return Ok(None);
                }
                Ok(Some(self.buffer.split().freeze()))
            }
            Body::Length(left) => {
                let bytes = self.some(left).await?;
                self.body = Body::Length(left - bytes.len());
                Ok(Some(bytes))
            }
            Body::Chunked { left: 0 } => {
                let size = self.line().await?;
                let size = usize::from_str_radix(&size, 16).expect("a chunk size is hexadecimal");
                if size == 0 {
                    while !self.line().await?.is_empty() {}
                    self.body = Body::Ended;
                    return Ok(None);
                }
                self.body = Body::Chunked { left: size };
                Box::pin(self.data()).await
            }
            Body::Chunked { left } => {
                let bytes = self.some(left).await?;
                if bytes.len() == left {
                    assert_eq!(self.line().await?, "", "a chunk ends with an empty line");
                }
                self.body = Body::Chunked { left: left - bytes.len() };
                Ok(Some(bytes))
            }
        }
    }

    /// At least one and at most `most` bytes.
    async fn some(&mut self, most: usize) -> Result<Bytes, Broken> {
        if self.buffer.is_empty() && self.fill().await? == 0 {
            return Err(Broken::new(None, "the connection closed inside the body"));
        }
        Ok(self.buffer.split_to(most.min(self.buffer.len())).freeze())
    }

    async fn line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8(line.to_vec()).expect("heads are ASCII"));
            }
            if self.fill().await? == 0 {
                return Err(Broken::new(None, "the connection closed"));
            }
        }
    }

    async fn fill(&mut self) -> Result<usize, Broken> {
        self.read.read_buf(&mut self.buffer).await.map_err(|error| Broken::new(None, error))
    }
}
