//! web-transport-quinn, and webtrans-quinn, which began as a copy of it and speaks a newer draft: their interfaces are the
//! same but for how a session is opened.

use bytes::Bytes;

use crate::session::{ReadError, ReceiveHalf, SendHalf, Session, Trouble, failed, unable};
use crate::target::Target;

/// A session of a crate, and what it is a session of.
macro_rules! client {
    ($name:ident, $library:ident, $client:literal, $connect:expr, $protocol:expr) => {
        #[doc = concat!("A session of ", $client, ".")]
        #[allow(missing_debug_implementations)]
        pub struct $name {
            session: $library::Session,
            // Dropping it would end the connection.
            _endpoint: quinn::Endpoint,
        }

        impl Session for $name {
            const CLIENT: &str = $client;
            type Send = $library::SendStream;
            type Receive = $library::RecvStream;

            async fn connect(target: &Target, path: &str, protocols: &[&str]) -> Result<Self, Trouble> {
                let (endpoint, quic) = target.connect().await?;
                let request = $connect(target.at(path)?, protocols)?;
                Ok($name { session: $library::Session::connect(quic, request).await?, _endpoint: endpoint })
            }

            fn protocol(&self) -> Result<Option<String>, Trouble> {
                $protocol(&self.session)
            }

            async fn open_bi(&self) -> Result<(Self::Send, Self::Receive), Trouble> {
                Ok(self.session.open_bi().await?)
            }

            async fn open_uni(&self) -> Result<Self::Send, Trouble> {
                Ok(self.session.open_uni().await?)
            }

            async fn accept_bi(&self) -> Result<(Self::Send, Self::Receive), Trouble> {
                Ok(self.session.accept_bi().await?)
            }

            async fn accept_uni(&self) -> Result<Self::Receive, Trouble> {
                Ok(self.session.accept_uni().await?)
            }

            fn send_datagram(&self, payload: &[u8]) -> Result<(), Trouble> {
                Ok(self.session.send_datagram(Bytes::copy_from_slice(payload))?)
            }

            async fn receive_datagram(&self) -> Result<Vec<u8>, Trouble> {
                Ok(self.session.read_datagram().await?.to_vec())
            }

            fn close(&self, code: u32, reason: &str) {
                self.session.close(code, reason.as_bytes());
            }

            async fn closed(&self) -> Result<(u32, String), Trouble> {
                match self.session.closed().await {
                    $library::SessionError::WebTransportError($library::WebTransportError::Closed(
                        code,
                        reason,
                    )) => Ok((code, reason)),
                    error => Err(error.into()),
                }
            }
        }

        impl SendHalf for $library::SendStream {
            async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
                Ok(self.write_all(bytes).await?)
            }

            async fn finish(&mut self) -> Result<(), Trouble> {
                Ok($library::SendStream::finish(self)?)
            }

            fn reset(&mut self, code: u32) -> Result<(), Trouble> {
                Ok($library::SendStream::reset(self, code)?)
            }

            async fn stopped(&mut self) -> Result<u32, Trouble> {
                let code = $library::SendStream::stopped(self).await?;
                code.ok_or_else(|| failed("the stream was stopped without a code"))
            }
        }

        impl ReceiveHalf for $library::RecvStream {
            async fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
                match self.read_chunk(64 << 10, true).await {
                    Ok(chunk) => Ok(chunk.map(|chunk| chunk.bytes.to_vec())),
                    Err($library::ReadError::Reset(code)) => Err(ReadError::Reset(code)),
                    Err(error) => Err(ReadError::Other(error.to_string())),
                }
            }

            fn stop(mut self, code: u32) -> Result<(), Trouble> {
                Ok($library::RecvStream::stop(&mut self, code)?)
            }
        }
    };
}

client!(
    WebTransportQuinn,
    web_transport_quinn,
    "web-transport-quinn",
    |url: url::Url, protocols: &[&str]| -> Result<_, Trouble> {
        let protocols = protocols.iter().map(ToString::to_string);
        Ok(web_transport_quinn::proto::ConnectRequest::new(url).with_protocols(protocols))
    },
    |session: &web_transport_quinn::Session| Ok(session.protocol().map(str::to_owned))
);

client!(
    WebtransQuinn,
    webtrans_quinn,
    "webtrans-quinn",
    |url: url::Url, protocols: &[&str]| -> Result<_, Trouble> {
        if protocols.is_empty() { Ok(url) } else { Err(unable("offers no subprotocols")) }
    },
    |_: &webtrans_quinn::Session| Err(unable("offers no subprotocols"))
);
