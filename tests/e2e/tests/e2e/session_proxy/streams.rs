//! What moves in a session.

use sluicegate_e2e::QUIET;

use super::*;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn streams_of_every_kind_opened_by_either_side() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    for (opener, other) in [(&client, &upstream), (&upstream, &client)] {
        let (mut send, mut receive) = within("a stream", opener.open_bi()).await.unwrap();
        send.write_all(b"ping").await.unwrap();
        let (mut answer, mut question) = within("the stream", other.accept_bi()).await.unwrap();
        let mut four = [0; 4];
        within("four bytes", question.read_exact(&mut four)).await.unwrap();
        assert_eq!(&four, b"ping");
        // Half-closed each way: the answer is complete before the question is.
        say(&mut answer, b"pong").await;
        assert_eq!(all(&mut receive).await.unwrap(), b"pong");
        say(&mut send, b", and that is all").await;
        assert_eq!(all(&mut question).await.unwrap(), b", and that is all");

        let mut send = within("a stream", opener.open_uni()).await.unwrap();
        say(&mut send, b"one way").await;
        let mut receive = within("the stream", other.accept_uni()).await.unwrap();
        assert_eq!(all(&mut receive).await.unwrap(), b"one way");

        assert_eq!(datagram(opener, other, b"datagram").await, "datagram");
    }
    client.close(0, b"");
    closed(&upstream).await.unwrap();
    let line = rig.gateway.log_line("of the session", |line| line["route"] == "live").await;
    assert_eq!(line["client_protocol"], "webtransport");
    assert_eq!((&line["transport"], &line["http_status"]), (&"h3".into(), &200.into()));
    assert_eq!(line["streams"], 4);
    assert_eq!(line["upstream_host"], rig.upstream.address.to_string());
    assert!(line["datagrams_received"].as_u64() >= Some(1) && line["datagrams_sent"].as_u64() >= Some(1));
    assert!(line["bytes_received"].as_u64() >= Some(4 + 17 + 7 + 4 + 8));
    let labels = [("route", "live"), ("cluster", "live"), ("protocol", "webtransport")];
    rig.gateway.until_metric("sluicegate_proxied_sessions_active", &labels, 0.0).await;
    rig.gateway.until_metric("sluicegate_proxied_session_streams_active", &labels, 0.0).await;
    assert_eq!(rig.gateway.metric("sluicegate_proxied_sessions_total", &labels).await, 1.0);
    assert_eq!(rig.gateway.metric("sluicegate_proxied_session_streams_total", &labels).await, 4.0);
    let bytes = rig.gateway.metric("sluicegate_proxied_session_bytes_received_total", &labels).await;
    assert_eq!(Some(bytes as u64), line["bytes_received"].as_u64());
}

#[tokio::test]
async fn more_than_all_windows_together_both_ways_at_once() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    let big: Vec<u8> = (0..5 * MIB).map(|at| (at / 251) as u8).collect();
    let (mut send, mut receive) = client.open_bi().await.unwrap();
    let (upload, expected) = (big.clone(), big.clone());
    let writing = tokio::spawn(async move { say(&mut send, &upload).await });
    let (mut back, mut forth) = within("the stream", upstream.accept_bi()).await.unwrap();
    let echoing = tokio::spawn(async move {
        while let Some(chunk) = forth.read_chunk(MIB, true).await.unwrap() {
            back.write_all(&chunk.bytes).await.unwrap();
        }
        back.finish().unwrap();
        // Until the end was acknowledged.
        let _ = back.stopped().await;
    });
    assert!(all(&mut receive).await.unwrap() == expected);
    writing.await.unwrap();
    echoing.await.unwrap();
}

#[tokio::test]
async fn resets_are_resets_and_stops_are_stops_with_their_codes() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    for (one, other) in [(&client, &upstream), (&upstream, &client)] {
        for code in [0, 1, 29, 30, 255, 256, 4_000_000_000, u32::MAX] {
            let (mut send, mut receive) = within("a stream", one.open_bi()).await.unwrap();
            send.write_all(b"x").await.unwrap();
            let (answer, mut question) = within("the stream", other.accept_bi()).await.unwrap();
            let mut byte = [0];
            within("a byte", question.read_exact(&mut byte)).await.unwrap();
            // The opener takes its direction back; the other one stays open.
            send.reset(code).unwrap();
            match all(&mut question).await {
                Err(ReadError::Reset(seen)) => assert_eq!(seen, code),
                other => panic!("{other:?}"),
            }
            receive.stop(code).unwrap();
            let stopped = within("a stop", answer.stopped()).await.unwrap();
            assert_eq!(stopped, Some(code));
        }
        // The one who did not open it.
        let (send, mut receive) = within("a stream", one.open_bi()).await.unwrap();
        let mut first = within("a stream", one.open_uni()).await.unwrap();
        first.write_all(b"x").await.unwrap();
        drop((send, receive.stop(0)));
        let mut taken = within("the stream", other.accept_uni()).await.unwrap();
        taken.stop(77).unwrap();
        assert_eq!(within("a stop", first.stopped()).await.unwrap(), Some(77));
    }
}

#[tokio::test]
async fn a_reader_that_stalls_stops_its_writer_and_nobody_else() {
    let mut rig = Rig::new().await;
    let before = rig.gateway.resident_memory();
    let Pair { client, upstream } = rig.pair().await;
    for (writer, reader) in [(&client, &upstream), (&upstream, &client)] {
        let (mut stalled, _receive) = within("a stream", writer.open_bi()).await.unwrap();
        let mut written = 0;
        // It stops when the windows of both hops are full.
        while let Ok(write) = tokio::time::timeout(QUIET, stalled.write(&[0; 64 << 10])).await {
            written += write.unwrap();
            assert!(written < 64 * MIB, "nothing holds the writer up");
        }
        let (_send, mut unread) = within("the stream", reader.accept_bi()).await.unwrap();
        // Other streams and datagrams go on, both ways.
        for (one, other) in [(writer, reader), (reader, writer)] {
            let (mut send, _receive) = within("a stream", one.open_bi()).await.unwrap();
            let sent = vec![5; MIB];
            let (_, (_send, received)) = tokio::join!(say(&mut send, &sent), async {
                let (send, mut receive) = within("the stream", other.accept_bi()).await.unwrap();
                (send, all(&mut receive).await.unwrap())
            });
            assert!(received == sent);
        }
        // And so does the stalled one when it is read: nothing of it was lost.
        let mut read = 0;
        while read < written {
            let chunk = within("what was written", unread.read_chunk(MIB, true)).await.unwrap();
            read += chunk.expect("the stream goes on").bytes.len();
        }
        assert_eq!(read, written);
    }
    let grown = rig.gateway.resident_memory().saturating_sub(before);
    assert!(grown < 48 * MIB, "{} MiB", grown / MIB);
}

/// A stream that waits for room on the other side holds up no other.
#[tokio::test]
async fn memory_is_bounded_whatever_is_not_read() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    let before = rig.gateway.resident_memory();
    let mut open = Vec::new();
    // Each of them is written to until it takes no more; nobody reads at the other end.
    let mut written = 0;
    for _ in 0..40 {
        let Ok(stream) = tokio::time::timeout(QUIET, client.open_uni()).await else { break };
        let mut stream = stream.unwrap();
        while let Ok(write) = tokio::time::timeout(QUIET / 5, stream.write(&[0; 64 << 10])).await {
            written += write.unwrap();
            assert!(written < 100 * MIB, "nothing holds the writer up");
        }
        open.push(stream);
    }
    let grown = rig.gateway.resident_memory().saturating_sub(before);
    assert!(grown < 32 * MIB, "{} MiB after {} MiB were written", grown / MIB, written / MIB);
    // What was opened first is still there, and datagrams pass.
    let _first = within("the first stream", upstream.accept_uni()).await.unwrap();
    assert_eq!(datagram(&client, &upstream, b"still").await, "still");
}

/// The upstream allows few streams at once: those that wait for one hold up no others.
#[tokio::test]
async fn a_stream_that_cannot_be_opened_yet_waits_alone() {
    let mut transport = TransportConfig::default();
    // HTTP/3 itself takes three of them.
    transport.max_concurrent_uni_streams(4u32.into());
    let mut rig = Rig::behind(Upstream::with(transport), |config| config, |route| route).await;
    let Pair { client, upstream } = rig.pair().await;
    let mut open = Vec::new();
    for number in 0..8u8 {
        let mut stream = within("a stream", client.open_uni()).await.unwrap();
        stream.write_all(&[number]).await.unwrap();
        open.push(stream);
    }
    let mut first = within("a stream", upstream.accept_uni()).await.unwrap();
    assert!(tokio::time::timeout(QUIET, upstream.accept_uni()).await.is_err());
    // Streams of another kind pass, both ways, and datagrams.
    for (one, other) in [(&client, &upstream), (&upstream, &client)] {
        let (mut send, _receive) = within("a stream", one.open_bi()).await.unwrap();
        say(&mut send, b"past them").await;
        let (_send, mut receive) = within("the stream", other.accept_bi()).await.unwrap();
        assert_eq!(all(&mut receive).await.unwrap(), b"past them");
        assert_eq!(datagram(one, other, b"too").await, "too");
    }
    // One after the other, each takes the place of one that has ended. In which order is for nobody to rely on.
    let mut seen = Vec::new();
    loop {
        let mut byte = [0];
        within("a byte", first.read_exact(&mut byte)).await.unwrap();
        seen.push(byte[0]);
        open[usize::from(byte[0])].finish().unwrap();
        assert!(all(&mut first).await.unwrap().is_empty());
        if seen.len() == open.len() {
            break;
        }
        first = within("the next stream", upstream.accept_uni()).await.unwrap();
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
}

/// The upstream takes only small datagrams.
#[tokio::test]
async fn datagrams_that_cannot_be_passed_on_are_counted() {
    let mut transport = TransportConfig::default();
    transport.datagram_receive_buffer_size(Some(200));
    let mut rig = Rig::behind(Upstream::with(transport), |config| config, |route| route).await;
    let Pair { client, upstream } = rig.pair().await;
    let labels = [("route", "live"), ("to", "upstream")];
    let name = "sluicegate_webtransport_datagrams_dropped_total";
    within("a datagram to be dropped", async {
        while rig.gateway.metric(name, &labels).await == 0.0 {
            client.send_datagram(Bytes::from_static(&[7; 500])).unwrap();
        }
    })
    .await;
    assert_eq!(datagram(&client, &upstream, b"small").await, "small");
    assert_eq!(rig.gateway.metric(name, &[("to", "client")]).await, 0.0);
}

/// Datagrams that nobody reads and that come faster than they leave are dropped somewhere, and take no memory here.
#[tokio::test]
async fn a_flood_of_datagrams_is_not_gathered() {
    let mut rig = Rig::new().await;
    let Pair { client, upstream } = rig.pair().await;
    let before = rig.gateway.resident_memory();
    for _ in 0..20_000 {
        client.send_datagram(Bytes::from_static(&[7; 1000])).unwrap();
        tokio::task::yield_now().await;
    }
    // Streams go on meanwhile.
    let mut send = client.open_uni().await.unwrap();
    say(&mut send, b"through").await;
    let mut receive = within("the stream", upstream.accept_uni()).await.unwrap();
    assert_eq!(all(&mut receive).await.unwrap(), b"through");
    let grown = rig.gateway.resident_memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{} MiB", grown / MIB);
}
