//! wtransport.

use std::net::{Ipv4Addr, SocketAddr};

use wtransport::endpoint::ConnectOptions;
use wtransport::endpoint::endpoint_side::Client;
use wtransport::error::{ConnectionError, StreamReadError, StreamWriteError};
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, VarInt};

use crate::code::{of_wire, on_wire};
use crate::session::{ReadError, ReceiveHalf, SendHalf, Session, Trouble, failed, unable};
use crate::target::Target;

/// A session of wtransport.
#[allow(missing_debug_implementations)]
pub struct Wtransport {
    session: Connection,
    // Dropping it would end the connection.
    _endpoint: Endpoint<Client>,
}

impl Session for Wtransport {
    const CLIENT: &str = "wtransport";
    type Send = SendStream;
    type Receive = RecvStream;

    async fn connect(target: &Target, path: &str, protocols: &[&str]) -> Result<Self, Trouble> {
        let config = ClientConfig::builder()
            .with_bind_address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .with_custom_tls(target.tls.clone())
            .build();
        let endpoint = Endpoint::client(config)?;
        let mut options = ConnectOptions::builder(target.at(path)?);
        if !protocols.is_empty() {
            // It knows no subprotocols, but lets the header be sent.
            let list: Vec<String> = protocols.iter().map(|name| format!("\"{name}\"")).collect();
            options = options.add_header("wt-available-protocols", list.join(", "));
        }
        Ok(Wtransport { session: endpoint.connect(options.build()).await?, _endpoint: endpoint })
    }

    fn protocol(&self) -> Result<Option<String>, Trouble> {
        Err(unable("does not show the response, where the subprotocol is"))
    }

    async fn open_bi(&self) -> Result<(SendStream, RecvStream), Trouble> {
        Ok(self.session.open_bi().await?.await?)
    }

    async fn open_uni(&self) -> Result<SendStream, Trouble> {
        Ok(self.session.open_uni().await?.await?)
    }

    async fn accept_bi(&self) -> Result<(SendStream, RecvStream), Trouble> {
        Ok(self.session.accept_bi().await?)
    }

    async fn accept_uni(&self) -> Result<RecvStream, Trouble> {
        Ok(self.session.accept_uni().await?)
    }

    fn send_datagram(&self, payload: &[u8]) -> Result<(), Trouble> {
        Ok(self.session.send_datagram(payload)?)
    }

    async fn receive_datagram(&self) -> Result<Vec<u8>, Trouble> {
        Ok(self.session.receive_datagram().await?.to_vec())
    }

    fn close(&self, code: u32, reason: &str) {
        self.session.close(VarInt::from_u32(code), reason.as_bytes());
    }

    async fn closed(&self) -> Result<(u32, String), Trouble> {
        // `Connection::closed` tells of the QUIC connection alone.
        let Err(error) = self.session.accept_uni().await else {
            return Err(failed("a stream arrived instead"));
        };
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let reason = String::from_utf8(close.reason().to_vec())?;
                Ok((u32::try_from(close.code().into_inner())?, reason))
            }
            error => Err(error.into()),
        }
    }
}

impl SendHalf for SendStream {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        Ok(self.write_all(bytes).await?)
    }

    async fn finish(&mut self) -> Result<(), Trouble> {
        Ok(SendStream::finish(self).await?)
    }

    fn reset(&mut self, code: u32) -> Result<(), Trouble> {
        Ok(SendStream::reset(self, on_wire(code))?)
    }

    async fn stopped(&mut self) -> Result<u32, Trouble> {
        match SendStream::stopped(self).await {
            StreamWriteError::Stopped(code) => {
                of_wire(code).ok_or_else(|| failed(format!("stopped with {code}")))
            }
            error => Err(error.into()),
        }
    }
}

impl ReceiveHalf for RecvStream {
    async fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut bytes = vec![0; 64 << 10];
        match RecvStream::read(self, &mut bytes).await {
            Ok(read) => Ok(read.map(|read| bytes[..read].to_vec())),
            Err(StreamReadError::Reset(code)) => Err(match of_wire(code) {
                Some(code) => ReadError::Reset(code),
                None => ReadError::Other(format!("the stream was reset with {code} on the wire")),
            }),
            Err(error) => Err(ReadError::Other(error.to_string())),
        }
    }

    fn stop(self, code: u32) -> Result<(), Trouble> {
        RecvStream::stop(self, on_wire(code));
        Ok(())
    }
}
