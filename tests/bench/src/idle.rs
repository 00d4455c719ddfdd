//! What a session of WebTransport costs that does nothing: opens many, and sees how much the gateway has grown.
//!
//! The client speaks HTTP/3 by hand, draft 02 of WebTransport, because that takes little memory, and because several
//! sessions can share a connection so. All connections share a few sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, Endpoint, RecvStream, SendStream};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::failure::{During, Failure};
use crate::load::{HOST, WEBTRANSPORT_PATH, quic_config};
use crate::process::resident_bytes;

/// Sockets of the client.
const SOCKETS: usize = 8;
/// Handshakes at once.
const AT_ONCE: usize = 64;
/// After the last session, until what the gateway holds for a handshake alone is gone.
const SETTLE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The gateway's QUIC listener.
    #[arg(long)]
    target: SocketAddr,
    /// The certificate to trust, PEM.
    #[arg(long)]
    certificate: PathBuf,
    /// The process whose memory to read.
    #[arg(long)]
    process: u32,
    /// How many sessions to open.
    #[arg(long)]
    sessions: usize,
    /// How many of them share a connection.
    #[arg(long)]
    per_connection: usize,
}

/// What the sessions took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Idle {
    pub(crate) sessions: usize,
    pub(crate) per_connection: usize,
    /// Memory of the gateway that is resident with one session, in bytes.
    pub(crate) before: u64,
    /// The same with all of them.
    pub(crate) after: u64,
}

impl Idle {
    /// Bytes for each session.
    pub(crate) fn each(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64 / self.sessions as f64
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let idle = runtime.block_on(open(options))?;
    println!("{}", serde_json::to_string(&idle)?);
    Ok(())
}

async fn open(options: &Options) -> Result<Idle, Failure> {
    let mut config = quic_config(&options.certificate, "h3")?;
    let mut transport = quinn::TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(120).try_into()?));
    config.transport_config(Arc::new(transport));
    let endpoints = (0..SOCKETS)
        .map(|_| Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()))
        .collect::<Result<Vec<_>, _>>()?;
    let per_connection = options.per_connection.max(1);
    let connections = options.sessions.div_ceil(per_connection);

    // What the gateway makes once is not counted.
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
    let warm =
        Client::connect(&endpoint, config.clone(), options.target, 1).await.during("the first session")?;
    tokio::time::sleep(SETTLE).await;
    let before = resident_bytes(options.process)?;

    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut opening = JoinSet::new();
    for (number, endpoint) in (0..connections).zip(endpoints.iter().cycle()) {
        let (endpoint, config, target) = (endpoint.clone(), config.clone(), options.target);
        let room = Arc::clone(&room);
        opening.spawn(async move {
            let _room = room.acquire_owned().await?;
            Client::connect(&endpoint, config, target, per_connection)
                .await
                .during(format_args!("connection {number}"))
        });
    }
    let mut clients = Vec::with_capacity(connections);
    while let Some(client) = opening.join_next().await {
        clients.push(client??);
    }
    tokio::time::sleep(SETTLE).await;
    let after = resident_bytes(options.process)?;
    // A session that was closed meanwhile costs nothing.
    for client in clients.iter().chain([&warm]) {
        client.check()?;
    }
    // A gateway that is told to end waits for sessions whose client has just vanished.
    for endpoint in endpoints.iter().chain([&endpoint]) {
        endpoint.close(0u32.into(), b"");
        endpoint.wait_idle().await;
    }
    Ok(Idle { sessions: connections * per_connection, per_connection, before, after })
}

/// A connection with sessions.
struct Client {
    connection: Connection,
    /// Ends the connection when it is dropped.
    _control: SendStream,
    _sessions: Vec<(SendStream, RecvStream)>,
}

impl Client {
    async fn connect(
        endpoint: &Endpoint,
        config: quinn::ClientConfig,
        target: SocketAddr,
        sessions: usize,
    ) -> Result<Client, Failure> {
        let connection = endpoint.connect_with(config, target, HOST)?.await?;
        let mut control = connection.open_uni().await?;
        // A control stream, and SETTINGS: datagrams, and WebTransport of draft 02.
        control.write_all(b"\x00\x04\x07\x33\x01\xab\x60\x37\x42\x01").await?;
        let mut opened = Vec::with_capacity(sessions);
        for _ in 0..sessions {
            let (mut send, mut receive) = connection.open_bi().await?;
            send.write_all(&connect_request(target.port())).await?;
            check_answer(&mut receive).await?;
            opened.push((send, receive));
        }
        Ok(Client { connection, _control: control, _sessions: opened })
    }

    fn check(&self) -> Result<(), Failure> {
        match self.connection.close_reason() {
            None => Ok(()),
            Some(reason) => Err(Failure::new(format!("a connection did not stay open: {reason}"))),
        }
    }
}

/// A HEADERS frame with a CONNECT (RFC 9114, section 4.4; RFC 9204, section 4.5).
fn connect_request(port: u16) -> Vec<u8> {
    // No dynamic table; ":method: CONNECT"; ":scheme: https".
    let mut block = b"\x00\x00\xcf\xd7".to_vec();
    // ":authority" and ":path", whose names stand in the table.
    put(&mut block, 0x50, None, &format!("{HOST}:{port}"));
    put(&mut block, 0x51, None, WEBTRANSPORT_PATH);
    for (name, value) in [
        (":protocol", "webtransport"),
        ("sec-webtransport-http3-draft02", "1"),
        ("wt-available-protocols", "\"grpc-wt-1\""),
    ] {
        put(&mut block, 0x20, Some(name), value);
    }
    // Between 64 bytes and 16 KiB, a length takes two.
    let [high, low] = (0x4000 | block.len() as u16).to_be_bytes();
    [&[0x01, high, low][..], &block].concat()
}

/// A field line with a literal value, and perhaps a literal name. All are shorter than 127 bytes.
fn put(block: &mut Vec<u8>, pattern: u8, name: Option<&str>, value: &str) {
    match name {
        Some(name) if name.len() < 7 => block.push(pattern | name.len() as u8),
        Some(name) => block.extend([pattern | 0x07, name.len() as u8 - 7]),
        None => block.push(pattern),
    }
    block.extend(name.unwrap_or_default().as_bytes());
    block.push(value.len() as u8);
    block.extend(value.as_bytes());
}

/// Reads the head of the answer as far as its status, which must be 200.
async fn check_answer(receive: &mut RecvStream) -> Result<(), Failure> {
    let mut start = [0; 2];
    receive.read_exact(&mut start).await.during("the answer")?;
    // The type and the length's first byte; its length is in two bits.
    let rest_of_length = (1 << (start[1] >> 6)) - 1;
    let mut prefix = vec![0; rest_of_length + 3];
    receive.read_exact(&mut prefix).await.during("the answer")?;
    // ":status: 200" is entry 25 of the table.
    if start[0] == 0x01 && prefix.ends_with(b"\x00\x00\xd9") {
        Ok(())
    } else {
        Err(Failure::new(format!("a session was answered with {start:02x?} {prefix:02x?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_connect_as_http3_has_it() {
        let request = connect_request(443);
        assert_eq!(request[0], 0x01);
        assert_eq!(usize::from(u16::from_be_bytes([request[1], request[2]]) & 0x3fff), request.len() - 3);
        assert!((64..16 << 10).contains(&(request.len() - 3)), "its length takes two bytes");
        let lines = [
            &b"\x00\x00\xcf\xd7\x50\x0dlocalhost:443\x51\x0b/grpc-wt/v1"[..],
            b"\x27\x02:protocol\x0cwebtransport",
            b"\x27\x17sec-webtransport-http3-draft02\x011",
        ];
        assert!(request[3..].starts_with(&lines.concat()), "{request:x?}");
    }
}
