//! An echo on WebSockets, on one thread.

use std::io::Write;
use std::net::Ipv4Addr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::failure::Failure;

/// Where Envoy sends to it.
pub(crate) const PATH: &str = "/bench.WebSocket";

pub(crate) fn run() -> Result<(), Failure> {
    super::end_with_standard_input();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("listening {}", listener.local_addr()?);
        std::io::stdout().flush()?;
        serve(listener).await
    })
}

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Failure> {
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client sees a broken connection itself, and fails.
            if let Err(failure) = answer(socket).await {
                eprintln!("echo: {failure}");
            }
        });
    }
}

async fn answer(socket: TcpStream) -> Result<(), Failure> {
    socket.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(socket).await?;
    while let Some(message) = socket.next().await {
        // What else there is, a close among it, is answered as the next one is read.
        if let message @ Message::Binary(_) = message? {
            socket.send(message).await?;
        }
    }
    Ok(())
}
