//! What the upstream does, by the path that is called.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::Shared;
use super::call::{Call, Gone, Reply};

/// The paths.
pub mod method {
    /// Answers the only message with itself.
    pub const UNARY: &str = "/test.Echo/Unary";
    /// Takes `count,size` in ASCII and answers with that many messages of that many bytes.
    pub const SERVER_STREAM: &str = "/test.Echo/ServerStream";
    /// Answers with `count,bytes` of the messages it got.
    pub const CLIENT_STREAM: &str = "/test.Echo/ClientStream";
    /// Sends its head at once and answers every message with itself.
    pub const BIDI: &str = "/test.Echo/Bidi";
    /// Returns frames as they are, compressed or not, and names the request's `grpc-encoding` as its own.
    pub const COMPRESSED: &str = "/test.Echo/Compressed";
    /// Answers every message with 64 messages of 256 KiB before it reads the next.
    pub const AMPLIFY: &str = "/test.Echo/Amplify";
    /// Returns the request's `x-echo*` metadata as initial metadata, and again as trailing metadata.
    pub const METADATA: &str = "/test.Echo/Metadata";
    /// A response that is one HEADERS frame: the `x-status` asked for (9 otherwise), a message and details.
    pub const TRAILERS_ONLY: &str = "/test.Fail/TrailersOnly";
    /// The same response at once, while the request goes on.
    pub const EARLY: &str = "/test.Fail/Early";
    /// 300 KB and OK while the request goes on, of which the rest is refused with `RST_STREAM(NO_ERROR)`.
    pub const EARLY_OK: &str = "/test.Echo/EarlyOk";
    /// A message, then trailers without a status.
    pub const NO_STATUS_IN_TRAILERS: &str = "/test.Broken/NoStatusInTrailers";
    /// Half a message, then trailers with OK.
    pub const OK_MID_MESSAGE: &str = "/test.Broken/OkMidMessage";
    /// An OK response of another content type.
    pub const TEXT: &str = "/test.Broken/Text";
    /// Two messages, then the same status in trailers.
    pub const MID_STREAM: &str = "/test.Fail/MidStream";
    /// Resets with `x-reset` before any head.
    pub const RESET_BEFORE_HEAD: &str = "/test.Reset/BeforeHead";
    /// Resets with `x-reset` after its first message, when the client has sent its second or half-closed.
    pub const RESET_AFTER_HEAD: &str = "/test.Reset/AfterHead";
    /// Resets with `x-reset` inside its second message, at the same time.
    pub const RESET_MID_MESSAGE: &str = "/test.Reset/MidMessage";
    /// A message, then an end without trailers.
    pub const NO_STATUS: &str = "/test.Broken/NoStatus";
    /// An HTML page with HTTP status 503.
    pub const HTML_503: &str = "/test.Broken/Html503";
    /// Closes the connection before any head.
    pub const DIE_BEFORE_HEAD: &str = "/test.Broken/DieBeforeHead";
    /// Closes the connection inside its second message, when the client has sent its second or half-closed.
    pub const DIE_MID_MESSAGE: &str = "/test.Broken/DieMidMessage";
    /// Reads everything and never answers.
    pub const SILENT: &str = "/test.Hang/Silent";
    /// Sends its head, reads everything and says nothing more.
    pub const HEAD_ONLY: &str = "/test.Hang/HeadOnly";
    /// Neither reads nor answers.
    pub const NOT_READING: &str = "/test.Hang/NotReading";
    /// Sends messages of 16 KiB for ever.
    pub const FLOOD: &str = "/test.Hang/Flood";
    /// Echoes its only message when the test releases it.
    pub const HOLD: &str = "/test.Hang/Hold";
    /// Echoes its only message at once, and again when the test releases it.
    pub const PAUSE: &str = "/test.Hang/Pause";

    /// The message of `TRAILERS_ONLY` and `MID_STREAM`.
    pub const FAILURE_MESSAGE: &str = "so not: 50% \u{263a}\n\u{1f608}";
    /// The status details of the same, base64 without padding.
    pub const FAILURE_DETAILS: &str =
        "CAkSFHNvIG5vdDogNTAlIOKYugrwn5iIGiYKHHR5cGUuZ29vZ2xlYXBpcy5jb20vdGVzdC5XaHkSBgoEbW9vbg";
}

/// Runs the method that the call's path names.
pub(super) async fn answer(mut call: Call, shared: Arc<Shared>) {
    if shared.options.refusing {
        return call.reset(h2::Reason::REFUSED_STREAM.into());
    }
    // `Gone` has been reported to the test already, and there is nobody else to tell.
    let _ = match call.head.uri.path() {
        method::UNARY => unary(&mut call).await,
        method::SERVER_STREAM => server_stream(&mut call).await,
        method::CLIENT_STREAM => client_stream(&mut call).await,
        method::BIDI => bidi(&mut call).await,
        method::COMPRESSED => compressed(&mut call).await,
        method::AMPLIFY => amplify(&mut call).await,
        method::METADATA => metadata(&mut call).await,
        method::TRAILERS_ONLY => trailers_only(&mut call).await,
        method::EARLY => {
            let failure = failure(&call);
            call.trailers_only(failure);
            call.until_gone().await
        }
        method::EARLY_OK => early_ok(&mut call).await,
        method::NO_STATUS_IN_TRAILERS => no_status_in_trailers(&mut call).await,
        method::OK_MID_MESSAGE => ok_mid_message(&mut call).await,
        method::TEXT => text(&mut call).await,
        method::MID_STREAM => mid_stream(&mut call).await,
        method::RESET_BEFORE_HEAD | method::RESET_AFTER_HEAD | method::RESET_MID_MESSAGE => {
            reset(&mut call).await
        }
        method::NO_STATUS => no_status(&mut call).await,
        method::HTML_503 => html_503(&mut call).await,
        method::DIE_BEFORE_HEAD | method::DIE_MID_MESSAGE => die(&mut call).await,
        method::SILENT => {
            call.until_reset(true).await;
            Ok(())
        }
        method::NOT_READING => {
            call.until_reset(false).await;
            Ok(())
        }
        method::HEAD_ONLY => head_only(&mut call).await,
        method::FLOOD => flood(&mut call).await,
        method::HOLD => hold(&mut call, &shared).await,
        method::PAUSE => pause(&mut call, &shared).await,
        _ => {
            call.trailers_only(fields(&[("grpc-status", "12")]));
            Ok(())
        }
    };
}

async fn unary(call: &mut Call) -> Result<(), Gone> {
    let messages = call.request.all().await?;
    let mut reply = call.respond(HeaderMap::new())?;
    for message in &messages {
        reply.message(message).await?;
    }
    ok(&mut reply);
    Ok(())
}

async fn server_stream(call: &mut Call) -> Result<(), Gone> {
    let messages = call.request.all().await?;
    let wanted = String::from_utf8(messages[0].to_vec()).unwrap();
    let (count, size) = wanted.split_once(',').unwrap();
    let (count, size): (usize, usize) = (count.parse().unwrap(), size.parse().unwrap());
    let mut reply = call.respond(HeaderMap::new())?;
    for index in 0..count {
        reply.message(&vec![index as u8; size]).await?;
    }
    ok(&mut reply);
    Ok(())
}

async fn client_stream(call: &mut Call) -> Result<(), Gone> {
    let (mut count, mut bytes) = (0, 0);
    while let Some(message) = call.request.next().await? {
        count += 1;
        bytes += message.len();
    }
    let mut reply = call.respond(HeaderMap::new())?;
    reply.message(format!("{count},{bytes}").as_bytes()).await?;
    ok(&mut reply);
    Ok(())
}

async fn bidi(call: &mut Call) -> Result<(), Gone> {
    let mut reply = call.respond(HeaderMap::new())?;
    while let Some(message) = call.request.next().await? {
        reply.message(&message).await?;
    }
    ok(&mut reply);
    Ok(())
}

async fn compressed(call: &mut Call) -> Result<(), Gone> {
    let mut headers = HeaderMap::new();
    if let Some(encoding) = call.head.headers.get("grpc-encoding") {
        headers.insert("grpc-encoding", encoding.clone());
    }
    let mut reply = call.respond(headers)?;
    while let Some((flags, payload)) = call.request.next_frame().await? {
        reply.bytes(crate::frame::frame(flags, &payload)).await?;
    }
    ok(&mut reply);
    Ok(())
}

async fn amplify(call: &mut Call) -> Result<(), Gone> {
    let mut reply = call.respond(HeaderMap::new())?;
    let large = crate::frame::message(&vec![7; 256 << 10]);
    while call.request.next().await?.is_some() {
        for _ in 0..64 {
            reply.bytes(large.clone()).await?;
        }
    }
    ok(&mut reply);
    Ok(())
}

async fn metadata(call: &mut Call) -> Result<(), Gone> {
    let mut echoed = HeaderMap::new();
    for (name, value) in &call.head.headers {
        if name.as_str().starts_with("x-echo") {
            echoed.append(name, value.clone());
        }
    }
    let messages = call.request.all().await?;
    let mut reply = call.respond(echoed.clone())?;
    for message in &messages {
        reply.message(message).await?;
    }
    echoed.insert("grpc-status", HeaderValue::from_static("0"));
    reply.trailers(echoed);
    Ok(())
}

async fn trailers_only(call: &mut Call) -> Result<(), Gone> {
    call.request.all().await?;
    let failure = failure(call);
    call.trailers_only(failure);
    Ok(())
}

async fn mid_stream(call: &mut Call) -> Result<(), Gone> {
    call.request.all().await?;
    let failure = failure(call);
    let mut reply = call.respond(HeaderMap::new())?;
    reply.message(b"one").await?;
    reply.message(b"two").await?;
    reply.trailers(failure);
    Ok(())
}

async fn early_ok(call: &mut Call) -> Result<(), Gone> {
    let mut reply = call.respond(HeaderMap::new())?;
    for _ in 0..3 {
        reply.message(&[7; 100_000]).await?;
    }
    ok(&mut reply);
    // Dropping a call whose response is complete resets it with NO_ERROR.
    Ok(())
}

async fn no_status_in_trailers(call: &mut Call) -> Result<(), Gone> {
    call.request.all().await?;
    let mut reply = call.respond(HeaderMap::new())?;
    reply.message(b"one").await?;
    reply.trailers(fields(&[("x-a", "1")]));
    Ok(())
}

async fn ok_mid_message(call: &mut Call) -> Result<(), Gone> {
    call.request.all().await?;
    let mut reply = call.respond(HeaderMap::new())?;
    reply.bytes(Bytes::from_static(&[0, 0, 0, 0, 9, b'p', b'a', b'r', b't'])).await?;
    ok(&mut reply);
    Ok(())
}

async fn text(call: &mut Call) -> Result<(), Gone> {
    let head = Response::builder().header("content-type", "text/plain").body(()).unwrap();
    let mut reply = call.respond_with(head)?;
    reply.bytes(Bytes::from_static(b"not a message at all")).await?;
    reply.end_without_status();
    Ok(())
}

async fn reset(call: &mut Call) -> Result<(), Gone> {
    call.request.next().await?;
    let reason = call.header("x-reset").map_or(2, |code| code.parse().unwrap());
    if call.head.uri.path() == method::RESET_BEFORE_HEAD {
        call.reset(reason);
        return Ok(());
    }
    let mut reply = call.respond(HeaderMap::new())?;
    reply.message(b"whole").await?;
    if call.head.uri.path() == method::RESET_MID_MESSAGE {
        reply.bytes(Bytes::from_static(&[0, 0, 0, 0, 9, b'p', b'a', b'r', b't'])).await?;
    }
    // A reset overtakes what was not read yet, so the client says when it has read it.
    call.request.next().await?;
    reply.reset(reason);
    Ok(())
}

async fn no_status(call: &mut Call) -> Result<(), Gone> {
    call.request.all().await?;
    let mut reply = call.respond(HeaderMap::new())?;
    reply.message(b"one").await?;
    reply.end_without_status();
    Ok(())
}

async fn html_503(call: &mut Call) -> Result<(), Gone> {
    let head = Response::builder().status(503).header("content-type", "text/html").body(()).unwrap();
    let mut reply = call.respond_with(head)?;
    reply.bytes(Bytes::from_static(b"<h1>Service Unavailable</h1>")).await?;
    reply.end_without_status();
    Ok(())
}

async fn die(call: &mut Call) -> Result<(), Gone> {
    call.request.next().await?;
    if call.head.uri.path() == method::DIE_MID_MESSAGE {
        let mut reply = call.respond(HeaderMap::new())?;
        reply.message(b"whole").await?;
        reply.bytes(Bytes::from_static(&[0, 0, 0, 0, 9, b'p', b'a', b'r', b't'])).await?;
        // As in `reset`.
        call.request.next().await?;
        call.die().await;
        // The stream must stay open until the connection is gone.
        reply.until_reset().await;
    } else {
        call.die().await;
        call.until_reset(false).await;
    }
    Ok(())
}

async fn head_only(call: &mut Call) -> Result<(), Gone> {
    let mut reply = call.respond(HeaderMap::new())?;
    let request = &mut call.request;
    tokio::select! {
        () = reply.until_reset() => {}
        () = async { while let Ok(Some(_)) = request.next().await {}; std::future::pending().await } => {}
    }
    Ok(())
}

async fn flood(call: &mut Call) -> Result<(), Gone> {
    let mut reply = call.respond(HeaderMap::new())?;
    let message = crate::frame::message(&[7; 16 << 10]);
    loop {
        reply.bytes(message.clone()).await?;
    }
}

async fn hold(call: &mut Call, shared: &Shared) -> Result<(), Gone> {
    let messages = call.request.all().await?;
    shared.released.acquire().await.expect("never closed").forget();
    let mut reply = call.respond(HeaderMap::new())?;
    for message in &messages {
        reply.message(message).await?;
    }
    ok(&mut reply);
    Ok(())
}

async fn pause(call: &mut Call, shared: &Shared) -> Result<(), Gone> {
    let messages = call.request.all().await?;
    let mut reply = call.respond(HeaderMap::new())?;
    reply.message(&messages[0]).await?;
    tokio::select! {
        released = shared.released.acquire() => released.expect("never closed").forget(),
        () = reply.until_reset() => return Ok(()),
    }
    reply.message(&messages[0]).await?;
    ok(&mut reply);
    Ok(())
}

fn ok(reply: &mut Reply) {
    reply.trailers(fields(&[("grpc-status", "0")]));
}

fn failure(call: &Call) -> HeaderMap {
    let status = call.header("x-status").unwrap_or("9").to_owned();
    fields(&[
        ("grpc-status", &status),
        // "50%" and the characters beyond ASCII, as PROTOCOL-HTTP2.md has them escaped.
        ("grpc-message", "so not: 50%25 %E2%98%BA%0A%F0%9F%98%88"),
        ("grpc-status-details-bin", method::FAILURE_DETAILS),
        ("x-failed", "yes"),
    ])
}

fn fields(fields: &[(&str, &str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect()
}
