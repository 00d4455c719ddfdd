//! An ordinary HTTP/1.1 server, for requests that are no calls.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::within;

/// A web server that answers with what it was asked. Dropping it closes its listener and its connections.
///
/// A request that asks for an upgrade gets it, and then its bytes back in upper case.
#[derive(Debug)]
pub struct Website {
    address: SocketAddr,
    // Tests make a few requests.
    requests: mpsc::UnboundedReceiver<Asked>,
    accepting: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug)]
pub struct Asked {
    /// Method, path and version.
    pub line: String,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Website {
    /// Starts it.
    pub async fn start() -> Website {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, sender.clone()));
            }
        });
        Website { address, requests, accepting }
    }

    /// Its URL, as a cluster's endpoint is written.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request that arrived.
    pub async fn next_request(&mut self) -> Asked {
        within("a request to reach the website", self.requests.recv()).await.expect("the website runs")
    }

    /// A request that has arrived and was not yet taken.
    pub fn try_next_request(&mut self) -> Option<Asked> {
        self.requests.try_recv().ok()
    }
}

impl Drop for Website {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(socket: TcpStream, requests: mpsc::UnboundedSender<Asked>) {
    let mut socket = BufReader::new(socket);
    // An error ends the connection, and the gateway is the one to notice.
    while let Ok(Some(asked)) = read_request(&mut socket).await {
        let upgrade = asked.header("upgrade").is_some();
        let answer = format!("{}\n{}", asked.line, String::from_utf8_lossy(&asked.body));
        let _ = requests.send(asked);
        if upgrade {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            if socket.write_all(head.as_bytes()).await.is_ok() {
                shout(socket).await;
            }
            return;
        }
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-from: website\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if socket.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn shout(mut socket: BufReader<TcpStream>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        buffer[..read].make_ascii_uppercase();
        if socket.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn read_request(socket: &mut BufReader<TcpStream>) -> std::io::Result<Option<Asked>> {
    let line = read_line(socket).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let line = read_line(socket).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut asked = Asked { line, headers, body: Vec::new() };
    if asked.header("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&read_line(socket).await?, 16).unwrap_or(0);
            let mut chunk = vec![0; size];
            socket.read_exact(&mut chunk).await?;
            asked.body.extend(chunk);
            read_line(socket).await?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = asked.header("content-length") {
        asked.body = vec![0; length.parse().unwrap_or(0)];
        socket.read_exact(&mut asked.body).await?;
    }
    Ok(Some(asked))
}

async fn read_line(socket: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    socket.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}
