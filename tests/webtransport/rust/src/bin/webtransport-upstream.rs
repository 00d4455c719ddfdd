//! The application of `tests/webtransport/README.md` on wtransport: a server that nobody of this project wrote, for the
//! gateway to carry sessions to. `webtransport-upstream CERTIFICATE KEY` prints `listening HOST:PORT` when it is ready.

// What it prints is what it is for; a broken assumption ends it.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex};

use sluicegate_webtransport_peers::code::{of_wire, on_wire};
use sluicegate_webtransport_peers::session::Trouble;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::sync::{mpsc, watch};
use wtransport::endpoint::IncomingSession;
use wtransport::error::{ConnectionError, StreamReadError, StreamWriteError};
use wtransport::{Connection, Endpoint, Identity, RecvStream, SendStream, ServerConfig, VarInt};

/// How the sessions with a name ended.
static ENDS: LazyLock<Mutex<HashMap<String, watch::Sender<Option<String>>>>> = LazyLock::new(Mutex::default);

fn end_of(name: &str) -> watch::Sender<Option<String>> {
    ENDS.lock().unwrap().entry(name.to_owned()).or_default().clone()
}

/// What the application knows of one session.
struct Session {
    connection: Connection,
    name: Mutex<Option<String>>,
    /// What the client did, for the command `next`.
    events: mpsc::Sender<String>,
    told: tokio::sync::Mutex<mpsc::Receiver<String>>,
}

#[tokio::main]
async fn main() {
    let [certificate, key] = std::env::args().skip(1).collect::<Vec<_>>().try_into().unwrap();
    let identity = Identity::load_pemfiles(certificate, key).await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = ServerConfig::builder().with_bind_address(address).with_identity(identity).build();
    let endpoint = Endpoint::server(config).unwrap();
    println!("listening {}", endpoint.local_addr().unwrap());
    loop {
        tokio::spawn(serve(endpoint.accept().await));
    }
}

async fn serve(incoming: IncomingSession) -> Result<(), Trouble> {
    let request = incoming.await?;
    // It knows no subprotocols, but lets the header be sent.
    let offered =
        request.headers().get("wt-available-protocols").is_some_and(|list| list.contains("\"echo-1\""));
    let chosen = offered.then_some(("wt-protocol", "\"echo-1\""));
    let connection = request.accept_with_headers(chosen).await?;
    let (events, told) = mpsc::channel(16);
    let session =
        Arc::new(Session { connection, name: Mutex::default(), events, told: tokio::sync::Mutex::new(told) });
    tokio::spawn(session.clone().echo_datagrams());
    tokio::spawn(session.clone().accept_uni());
    loop {
        match session.connection.accept_bi().await {
            Ok((send, receive)) => drop(tokio::spawn(session.clone().command(send, receive))),
            Err(error) => return session.ended(&error),
        }
    }
}

impl Session {
    fn ended(&self, error: &ConnectionError) -> Result<(), Trouble> {
        let how = match error {
            ConnectionError::ApplicationClosed(close) => {
                format!("closed {} {}", close.code(), String::from_utf8_lossy(close.reason()))
            }
            _ => "lost".to_owned(),
        };
        if let Some(name) = self.name.lock().unwrap().as_deref() {
            end_of(name).send_replace(Some(how.trim().to_owned()));
        }
        Ok(())
    }

    async fn echo_datagrams(self: Arc<Self>) -> Result<(), Trouble> {
        loop {
            self.connection.send_datagram(self.connection.receive_datagram().await?.payload())?;
        }
    }

    async fn accept_uni(self: Arc<Self>) -> Result<(), Trouble> {
        loop {
            let mut stream = self.connection.accept_uni().await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            self.events.send(format!("uni {text}")).await?;
        }
    }

    /// Does what the first line of a stream says.
    async fn command(self: Arc<Self>, mut send: SendStream, receive: RecvStream) -> Result<(), Trouble> {
        let mut request = BufReader::new(receive);
        let mut line = String::new();
        request.read_line(&mut line).await?;
        let (word, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
        match word {
            "echo" => {
                tokio::io::copy_buf(&mut request, &mut send).await?;
            }
            "name" => {
                *self.name.lock().unwrap() = Some(rest.to_owned());
                send.write_all(b"ok").await?;
            }
            "bidi" => {
                let (mut opened, mut answer) = self.connection.open_bi().await?.await?;
                opened.write_all(rest.as_bytes()).await?;
                opened.finish().await?;
                tokio::io::copy(&mut answer, &mut send).await?;
            }
            "uni" => {
                let mut opened = self.connection.open_uni().await?.await?;
                opened.write_all(rest.as_bytes()).await?;
                opened.finish().await?;
                send.write_all(b"ok").await?;
            }
            "reset" => return Ok(send.reset(on_wire(rest.parse()?))?),
            "stop" => {
                request.into_inner().stop(on_wire(rest.parse()?));
                send.write_all(b"ok").await?;
                return Ok(send.finish().await?);
            }
            "watch" => {
                send.write_all(b"ok").await?;
                return self.watch(send, request.into_inner()).await;
            }
            "next" => {
                let event = self.told.lock().await.recv().await.unwrap_or_default();
                send.write_all(event.as_bytes()).await?;
            }
            "close" => {
                let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                self.connection.close(VarInt::from_u32(code.parse()?), reason.as_bytes());
                return Ok(());
            }
            "end" => {
                let mut end = end_of(rest).subscribe();
                let how = end.wait_for(Option::is_some).await?.clone().unwrap_or_default();
                send.write_all(how.as_bytes()).await?;
            }
            _ => {}
        }
        // A stream that is dropped before its end is stopped.
        tokio::io::copy_buf(&mut request, &mut tokio::io::sink()).await?;
        Ok(send.finish().await?)
    }

    /// Notes how the client ends the two directions of a stream before their time.
    async fn watch(&self, mut send: SendStream, mut receive: RecvStream) -> Result<(), Trouble> {
        let mut rest = [0; 1024];
        let (mut reads, mut writes) = (true, true);
        while reads || writes {
            let event = tokio::select! {
                read = receive.read(&mut rest), if reads => match read {
                    Ok(Some(_)) => continue,
                    Err(StreamReadError::Reset(code)) => { reads = false; of_wire(code).map(|code| format!("reset {code}")) }
                    _ => { reads = false; None }
                },
                stopped = send.stopped(), if writes => {
                    writes = false;
                    match stopped {
                        StreamWriteError::Stopped(code) => of_wire(code).map(|code| format!("stop {code}")),
                        _ => None,
                    }
                }
            };
            if let Some(event) = event {
                self.events.send(event).await?;
            }
        }
        Ok(())
    }
}
