//! The cases, as any client plays them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::grpc;
use crate::session::{ReadError, ReceiveHalf, SendHalf, Session, Trouble, failed, read_to_end, unable};
use crate::target::Target;

/// Plays one case.
pub async fn play<S: Session>(case: &str, target: &Target) -> Result<(), Trouble> {
    match case {
        "session.opened" => open::<S>(target).await.map(drop),
        "session.refused" => refused::<S>(target).await,
        "bidi.client" => bidi_of_client(&open::<S>(target).await?).await,
        "bidi.server" => bidi_of_server(&open::<S>(target).await?, 10).await,
        "bidi.many" => bidi_of_server(&open::<S>(target).await?, 300).await,
        "uni.client" => uni_of_client(&open::<S>(target).await?).await,
        "uni.server" => uni_of_server(&open::<S>(target).await?).await,
        "datagrams.echo" => datagrams(&open::<S>(target).await?).await,
        "close.client" => closed_by_client::<S>(target).await,
        "close.server" => closed_by_server(&open::<S>(target).await?).await,
        "codes.client-reset" => reset_by_client(&open::<S>(target).await?, 200).await,
        "codes.client-stop" => stopped_by_client(&open::<S>(target).await?).await,
        "codes.server-reset" => reset_by_server(&open::<S>(target).await?).await,
        "codes.server-stop" => stopped_by_server(&open::<S>(target).await?).await,
        "codes.large" => reset_by_client(&open::<S>(target).await?, 1000).await,
        "subprotocol.chosen" => subprotocol::<S>(target).await,
        "sessions.two" => two_sessions::<S>(target).await,
        "sessions.pooled" => Err(unable("takes a whole connection for each session")),
        "get.beside" => Err(unable("makes no ordinary requests on the connection of a session")),
        "grpc.call" => grpc::call::<S>(target).await,
        _ => Err(unable("there is no such case for this client")),
    }
}

async fn open<S: Session>(target: &Target) -> Result<S, Trouble> {
    S::connect(target, &target.path, &[]).await
}

/// Opens a stream that begins with a command.
async fn command<S: Session>(session: &S, line: &str) -> Result<(S::Send, S::Receive), Trouble> {
    let (mut send, receive) = session.open_bi().await?;
    send.write(format!("{line}\n").as_bytes()).await?;
    Ok((send, receive))
}

/// Gives a command that has an answer.
async fn expect<S: Session>(session: &S, line: &str, answer: &str) -> Result<(), Trouble> {
    let (mut send, mut receive) = command(session, line).await?;
    send.finish().await?;
    same(&read_to_end(&mut receive).await?, answer.as_bytes())
}

/// Fails unless this arrived.
pub(crate) fn same(arrived: &[u8], wanted: &[u8]) -> Result<(), Trouble> {
    if arrived == wanted {
        return Ok(());
    }
    let start = String::from_utf8_lossy(&arrived[..arrived.len().min(60)]);
    Err(failed(format!("{} bytes arrived, not {}: {start:?}", arrived.len(), wanted.len())))
}

async fn echo<S: Session>(session: &S, content: &[u8]) -> Result<(), Trouble> {
    let (mut send, mut receive) = command(session, "echo").await?;
    let write = async {
        send.write(content).await?;
        send.finish().await
    };
    let (written, arrived) = tokio::join!(write, read_to_end(&mut receive));
    written?;
    same(&arrived?, content)
}

async fn refused<S: Session>(target: &Target) -> Result<(), Trouble> {
    match S::connect(target, "/no/such/route", &[]).await {
        Ok(_) => Err(failed("a session was opened where there is no route")),
        Err(_) => Ok(()),
    }
}

async fn bidi_of_client<S: Session>(session: &S) -> Result<(), Trouble> {
    for _ in 0..10 {
        echo(session, b"hello").await?;
    }
    echo(session, &b"0123456789".repeat(100_000)).await
}

async fn bidi_of_server<S: Session>(session: &S, rounds: u32) -> Result<(), Trouble> {
    for _ in 0..rounds {
        let (mut asked, mut answer) = command(session, "bidi from the server").await?;
        asked.finish().await?;
        let (mut send, mut receive) = session.accept_bi().await?;
        same(&read_to_end(&mut receive).await?, b"from the server")?;
        send.write(b"from the client").await?;
        send.finish().await?;
        same(&read_to_end(&mut answer).await?, b"from the client")?;
    }
    Ok(())
}

async fn uni_of_client<S: Session>(session: &S) -> Result<(), Trouble> {
    for number in 0..10 {
        let mut stream = session.open_uni().await?;
        stream.write(format!("number {number}").as_bytes()).await?;
        stream.finish().await?;
        expect(session, "next", &format!("uni number {number}")).await?;
    }
    Ok(())
}

async fn uni_of_server<S: Session>(session: &S) -> Result<(), Trouble> {
    for _ in 0..10 {
        expect(session, "uni one way", "ok").await?;
        let mut stream = session.accept_uni().await?;
        same(&read_to_end(&mut stream).await?, b"one way")?;
    }
    Ok(())
}

async fn datagrams<S: Session>(session: &S) -> Result<(), Trouble> {
    for number in 0..3 {
        let sent = format!("datagram {number}");
        session.send_datagram(sent.as_bytes())?;
        same(&session.receive_datagram().await?, sent.as_bytes())?;
    }
    Ok(())
}

async fn closed_by_client<S: Session>(target: &Target) -> Result<(), Trouble> {
    let session = open::<S>(target).await?;
    let name = format!("rust {}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    expect(&session, &format!("name {name}"), "ok").await?;
    session.close(7, "bye");
    expect(&open::<S>(target).await?, &format!("end {name}"), "closed 7 bye").await
}

async fn closed_by_server<S: Session>(session: &S) -> Result<(), Trouble> {
    let _stream = command(session, "close 99 the server says bye").await?;
    let (code, reason) = session.closed().await?;
    same(format!("{code} {reason}").as_bytes(), b"99 the server says bye")
}

/// A stream on which the application watches what the client does.
async fn watched<S: Session>(session: &S) -> Result<(S::Send, S::Receive), Trouble> {
    let (send, mut receive) = command(session, "watch").await?;
    same(&receive.read().await?.unwrap_or_default(), b"ok")?;
    Ok((send, receive))
}

async fn reset_by_client<S: Session>(session: &S, code: u32) -> Result<(), Trouble> {
    let (mut send, _receive) = watched(session).await?;
    send.reset(code)?;
    expect(session, "next", &format!("reset {code}")).await
}

async fn stopped_by_client<S: Session>(session: &S) -> Result<(), Trouble> {
    let (_send, receive) = watched(session).await?;
    receive.stop(201)?;
    expect(session, "next", "stop 201").await
}

async fn reset_by_server<S: Session>(session: &S) -> Result<(), Trouble> {
    let (_send, mut receive) = command(session, "reset 200").await?;
    match read_to_end(&mut receive).await {
        Err(ReadError::Reset(200)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(failed("the stream ended as if it were whole")),
    }
}

async fn stopped_by_server<S: Session>(session: &S) -> Result<(), Trouble> {
    let (mut send, mut receive) = command(session, "stop 201").await?;
    same(&read_to_end(&mut receive).await?, b"ok")?;
    same(send.stopped().await?.to_string().as_bytes(), b"201")
}

async fn subprotocol<S: Session>(target: &Target) -> Result<(), Trouble> {
    let session = S::connect(target, &target.path, &["other", "echo-1"]).await?;
    same(session.protocol()?.unwrap_or_default().as_bytes(), b"echo-1")
}

async fn two_sessions<S: Session>(target: &Target) -> Result<(), Trouble> {
    let (one, other) = (open::<S>(target).await?, open::<S>(target).await?);
    for session in [&one, &other, &one] {
        echo(session, b"hello").await?;
        datagrams(session).await?;
    }
    other.close(0, "");
    echo(&one, b"still here").await
}
