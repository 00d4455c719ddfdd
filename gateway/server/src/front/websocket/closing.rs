//! How a WebSocket is closed, and with which code.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Utf8Bytes};

use super::Rationed;

/// How long a client may take to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The code that tells a client what it did wrong; `None` if the connection failed.
///
/// Source: RFC 6455, section 7.4.1.
pub(super) fn failure_code(error: &Error) -> Option<u16> {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol.into()),
        Error::Utf8(_) => Some(CloseCode::Invalid.into()),
        Error::Capacity(_) => Some(CloseCode::Size.into()),
        // Its ration.
        Error::Io(error) if error.kind() == ErrorKind::QuotaExceeded => Some(CloseCode::Size.into()),
        _ => None,
    }
}

/// Closes a WebSocket, with this code if the client has not closed it, and waits a little for the client to do the same.
pub(super) async fn finish<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: WebSocketStream<Rationed<S>>,
    code: Option<u16>,
) {
    let closed = async {
        if let Some(code) = code {
            let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static("") };
            stream.close(Some(frame)).await?;
        }
        // This also writes the answer to the client's close.
        while let Some(message) = stream.next().await {
            message?;
        }
        Ok::<_, Error>(())
    };
    let closed = timeout(CLOSE_TIMEOUT, closed).await;
    if closed.is_err() {
        return;
    }
    // Closing with something unread would reset the connection, and the client could miss the last frames.
    let mut io = stream.into_inner().into_inner();
    let parted = async {
        io.shutdown().await?;
        let mut rest = [0; 4096];
        while io.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // An error means that the client is gone, and with it the need to part well.
    let _ = timeout(CLOSE_TIMEOUT, parted).await;
}
