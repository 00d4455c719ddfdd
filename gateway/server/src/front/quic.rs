//! QUIC connections: HTTP/3 requests and WebTransport sessions side by side.

use std::net::SocketAddr;
use std::sync::Arc;

use pingora_core::server::ShutdownWatch;
use sluicegate_core::wire::{Reset, Transmit};
use sluicegate_quic::{Event, Incoming, Limits, Refusal, Request};

use super::door::{Door, authority};
use super::enter::enter;
use super::listener::Listening;
use super::webtransport;
use crate::observe::metrics::Metrics;
use crate::plan::Listener;
use crate::worker::Worker;

/// The limits of a listener, as QUIC knows them.
pub(crate) fn limits(listener: &Listener, metrics: &Metrics) -> Limits {
    let limits = &listener.limits;
    let quic = &limits.quic;
    // Every field, so that no limit has a default that operators cannot see and change.
    Limits {
        receive_window: quic.connection_window,
        stream_receive_window: quic.stream_window,
        send_window: quic.send_window.into(),
        max_bidi_streams: quic.max_streams,
        max_uni_streams: quic.max_uni_streams,
        max_incoming: quic.max_incoming,
        max_incoming_per_ip: quic.max_incoming_per_ip,
        retry_above: quic.retry_above,
        retry_above_per_ip: quic.retry_above_per_ip,
        max_connections: limits.max_connections,
        handshake_timeout: limits.handshake_timeout,
        header_timeout: limits.header_timeout,
        idle_timeout: quic.idle_timeout,
        keep_alive: quic.keep_alive,
        max_field_section: limits.max_header_bytes,
        max_frame: quic.max_frame,
        max_sessions: if listener.offers_webtransport { quic.max_sessions } else { 0 },
        max_session_streams: quic.max_session_streams,
        session_window: quic.session_window,
        max_resets_per_second: quic.max_resets_per_second,
        datagram_buffer: quic.datagram_buffer,
        datagrams_per_session: quic.datagrams_per_session,
        early_streams: quic.early_streams,
        early_datagrams: quic.early_datagrams,
        linger: quic.linger,
        observer: Arc::new(metrics.listeners.quic(&listener.address.to_string(), limit)),
    }
}

/// The key of the limit that refused something.
fn limit(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::MaxFieldSection => "max_header_bytes",
        other => other.name(),
    }
}

/// Serves a QUIC connection to its end.
pub(crate) async fn serve(
    worker: Arc<Worker>,
    incoming: Box<Incoming>,
    address: SocketAddr,
    listening: Arc<Listening>,
    shutdown: ShutdownWatch,
) {
    let mut connection = match Box::pin(incoming.handshake()).await {
        Ok(connection) => connection,
        Err(error) => return log::debug!("{address}: QUIC handshake: {error}"),
    };
    let drain = worker.running.drain.clone();
    let _hold = drain.hold();
    let door = Arc::new(Door::new(worker, listening, address, true));
    let mut draining = false;
    let drained = drain.begins();
    tokio::pin!(drained);
    loop {
        let event = tokio::select! {
            biased;
            event = connection.next() => event,
            () = &mut drained, if !draining => {
                connection.drain();
                draining = true;
                continue;
            }
        };
        match event {
            Some(Event::Request(arrived)) => request(&door, arrived, &shutdown),
            Some(Event::Session(request)) => drop(tokio::spawn(webtransport::serve(door.clone(), request))),
            None => return,
        }
    }
}

/// Lets a request in, unless it names two authorities.
fn request(door: &Arc<Door>, request: Request, shutdown: &ShutdownWatch) {
    let Request { head, authority: pseudo, receive, mut transmit } = request;
    match authority(pseudo.as_ref().map(|authority| authority.as_str()), &head.headers) {
        Some(authority) => {
            let host = door.host(authority);
            enter(door, head, (host, pseudo), receive, transmit, shutdown);
        }
        None => transmit.reset(Reset::from_h2(h2::Reason::PROTOCOL_ERROR.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use super::*;
    use crate::plan::{ListenerLimits, QuicLimits};

    /// A default as operators read it.
    enum Shown {
        Count(u64),
        Bytes(u64),
        Time(Duration),
    }

    impl std::fmt::Display for Shown {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match self {
                Shown::Count(count) => write!(f, "{count}"),
                Shown::Bytes(bytes) if bytes.is_multiple_of(1 << 20) => write!(f, "{} MiB", bytes >> 20),
                Shown::Bytes(bytes) => write!(f, "{} KiB", bytes >> 10),
                Shown::Time(time) => write!(f, "{} s", time.as_secs()),
            }
        }
    }

    /// The keys of `limits.quic` and their defaults; a key that is missing here does not compile.
    fn defaults() -> Vec<(&'static str, Shown)> {
        let QuicLimits {
            stream_window,
            connection_window,
            send_window,
            max_streams,
            max_uni_streams,
            idle_timeout,
            keep_alive,
            linger,
            max_incoming,
            max_incoming_per_ip,
            retry_above,
            retry_above_per_ip,
            max_frame,
            max_resets_per_second,
            max_sessions,
            max_session_streams,
            session_window,
            datagram_buffer,
            datagrams_per_session,
            early_streams,
            early_datagrams,
            socket_receive_buffer,
            socket_send_buffer,
        } = QuicLimits::default();
        let count = |count: usize| Shown::Count(count as u64);
        let bytes = |bytes: u32| Shown::Bytes(bytes.into());
        vec![
            ("stream_window", bytes(stream_window)),
            ("connection_window", bytes(connection_window)),
            ("send_window", bytes(send_window)),
            ("max_streams", Shown::Count(max_streams.into())),
            ("max_uni_streams", Shown::Count(max_uni_streams.into())),
            ("idle_timeout", Shown::Time(idle_timeout)),
            ("keep_alive", Shown::Time(keep_alive)),
            ("linger", Shown::Time(linger)),
            ("max_incoming", count(max_incoming)),
            ("max_incoming_per_ip", count(max_incoming_per_ip)),
            ("retry_above", count(retry_above)),
            ("retry_above_per_ip", count(retry_above_per_ip)),
            ("max_frame", bytes(max_frame)),
            ("max_resets_per_second", Shown::Count(max_resets_per_second.into())),
            ("max_sessions", Shown::Count(max_sessions.into())),
            ("max_session_streams", Shown::Count(max_session_streams.into())),
            ("session_window", bytes(session_window)),
            ("datagram_buffer", bytes(datagram_buffer as u32)),
            ("datagrams_per_session", count(datagrams_per_session)),
            ("early_streams", count(early_streams)),
            ("early_datagrams", count(early_datagrams)),
            ("socket_receive_buffer", bytes(socket_receive_buffer)),
            ("socket_send_buffer", bytes(socket_send_buffer)),
        ]
    }

    /// The keys that QUIC shares with other transports.
    const SHARED: [&str; 4] = ["max_connections", "handshake_timeout", "header_timeout", "max_header_bytes"];

    /// For each key in the table of the document, its default and whether it is counted.
    fn documented() -> HashMap<String, (String, bool)> {
        let text = include_str!("../../../../docs/operations.md");
        let table = text.split("`[listeners.limits.quic]`").nth(1).unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with("| `"));
        let rows = rows.take_while(|line| line.starts_with('|'));
        rows.map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let key = cells[0].trim_matches('`').to_owned();
            (key, (cells[1].to_owned(), cells[3] == "yes"))
        })
        .collect()
    }

    #[test]
    fn every_limit_has_its_default_in_the_document() {
        let mut documented = documented();
        for (key, default) in defaults() {
            let (shown, _) = documented.remove(key).unwrap_or_else(|| panic!("{key} is not documented"));
            assert_eq!(shown, default.to_string(), "{key}");
        }
        assert!(documented.is_empty(), "{documented:?} are not in the code");
    }

    #[test]
    fn every_limit_that_refuses_has_a_counter_in_the_document() {
        let documented = documented();
        let mut counted: Vec<_> = documented.iter().filter(|(_, (_, counted))| *counted).collect();
        for refusal in Refusal::ALL {
            let key = limit(refusal);
            let place = counted.iter().position(|(documented, _)| *documented == key);
            match place {
                Some(place) => drop(counted.remove(place)),
                None => assert!(SHARED.contains(&key), "{key} is counted, which no document says"),
            }
        }
        assert!(counted.is_empty(), "nothing counts {counted:?}");
    }

    /// A limit whose default differed from that of the layer below would be one that nobody chose.
    #[test]
    fn layers_agree_on_defaults() {
        let (ours, theirs) = (ListenerLimits::default(), Limits::default());
        let quic = ours.quic;
        assert_eq!(quic.max_session_streams, theirs.max_session_streams);
        assert_eq!(quic.session_window, theirs.session_window);
        assert_eq!((quic.retry_above, quic.max_incoming), (theirs.retry_above, theirs.max_incoming));
        assert_eq!(quic.retry_above_per_ip, theirs.retry_above_per_ip);
        assert_eq!(quic.max_incoming_per_ip, theirs.max_incoming_per_ip);
        assert_eq!((quic.linger, quic.keep_alive), (theirs.linger, theirs.keep_alive));
        assert_eq!((quic.max_frame, quic.max_uni_streams), (theirs.max_frame, theirs.max_uni_streams));
        assert_eq!(quic.datagrams_per_session, theirs.datagrams_per_session);
        assert_eq!(
            (quic.early_streams, quic.early_datagrams),
            (theirs.early_streams, theirs.early_datagrams)
        );
        assert_eq!(ours.header_timeout, theirs.header_timeout);
    }
}
