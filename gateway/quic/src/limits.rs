//! What one client may use.

use std::sync::Arc;
use std::time::Duration;

use crate::refusal::{Observer, Unobserved};

/// Bounds on an endpoint and on each of its connections. The defaults are safe on the open internet.
///
/// The receive windows bound the memory that a connection holds in bytes not yet passed on; everything else that a
/// client can make the gateway keep is bounded by a count below.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes a client may send on all streams of a connection before they are passed on, with `session_window` more for
    /// each open session. The default, 1 MiB, fills 80 Mbit/s at a round trip of 100 ms; uploads to stalled upstreams
    /// hold no more than this.
    pub receive_window: u32,
    /// The same for one stream. A quarter of the connection's by default, so that four streams whose upstreams stall
    /// are needed to hold up the others.
    pub stream_receive_window: u32,
    /// Bytes that may wait, unacknowledged included, to be sent on all streams of a connection.
    pub send_window: u64,
    /// Requests and client-opened WebTransport bidirectional streams open at once, with `max_session_streams` more for
    /// each open session that has flow control. Clients wait until they may open more.
    pub max_bidi_streams: u32,
    /// The same for unidirectional streams; HTTP/3 itself needs three, and clients open a few more as grease.
    pub max_uni_streams: u32,
    /// Handshakes waiting to be accepted or in progress; further clients are refused.
    pub max_incoming: usize,
    /// Handshakes in progress from one address, of IPv6 from one /64; further clients of that address are refused. Only
    /// clients that have proved their address can reach it, if it is not below `retry_above_per_ip`.
    pub max_incoming_per_ip: usize,
    /// Handshakes in progress from which on a client has to prove its address with a Retry first.
    pub retry_above: usize,
    /// The same for handshakes from one address, of IPv6 from one /64. So nobody who forges addresses can use up what
    /// the address that it forges may take.
    pub retry_above_per_ip: usize,
    /// Connections open at once on the endpoint; further clients are refused.
    pub max_connections: usize,
    /// How long a handshake may take, HTTP/3's own streams included.
    pub handshake_timeout: Duration,
    /// How long a new stream may take to show its head: a request's field section, or a WebTransport stream's header.
    /// Also how long a WebTransport stream may wait for its session to be opened.
    pub header_timeout: Duration,
    /// After how long without packets from the client a connection is lost, and after how long without a call or a
    /// session it is closed.
    pub idle_timeout: Duration,
    /// How often a quiet connection is probed, so that a long-lived call neither dies of `idle_timeout` nor outlives a
    /// client that vanished. Never less often than three times in `idle_timeout`.
    pub keep_alive: Duration,
    /// The size of a request's header fields, as RFC 9114, section 4.2.2, counts them. More than 768 KiB count as
    /// 768 KiB: so large a head could have more fields than a map of `http` holds.
    pub max_field_section: u32,
    /// The largest frame other than DATA, if it is not less than `max_field_section`; a client that declares a larger one
    /// loses its connection.
    pub max_frame: u32,
    /// WebTransport sessions at once on a connection. Zero turns WebTransport off.
    pub max_sessions: u32,
    /// Streams that the peer may have open in a session, bidirectional and unidirectional ones counted apart. With flow
    /// control of sessions the peer is told, and one that opens more loses its session. Without it, the streams that are
    /// too many are refused, so this is no less than `max_bidi_streams` by default: a client waits for those.
    pub max_session_streams: u32,
    /// Bytes that a session may have sent and we not have passed on, in all its streams. With flow control of sessions
    /// the peer is told, and one that is seen to send more loses its session; without it, this is what the session adds
    /// to `receive_window`.
    pub session_window: u32,
    /// Streams that a client may reset, or stop us from sending on, within a second; one that takes back more loses its
    /// connection. A request that is taken back counts up to twice, once for each direction.
    pub max_resets_per_second: u32,
    /// Bytes of received datagrams that may wait to be read, and of datagrams to be sent.
    pub datagram_buffer: usize,
    /// Datagrams that may wait in one session; the oldest is dropped for a new one.
    pub datagrams_per_session: usize,
    /// Streams of a connection that may wait for a session that has not been opened yet.
    pub early_streams: usize,
    /// Datagrams of a connection that may wait likewise, `datagram_buffer` bytes at most; the oldest are dropped.
    pub early_datagrams: usize,
    /// How long a drained connection waits for its client to close it after the last call has ended, and the stream of a
    /// request that is complete, as its response is, for its end.
    pub linger: Duration,
    /// Who is told what the limits refuse.
    pub observer: Arc<dyn Observer>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            receive_window: 1 << 20,
            stream_receive_window: 256 << 10,
            send_window: 1 << 20,
            max_bidi_streams: 256,
            max_uni_streams: 32,
            max_incoming: 1024,
            max_incoming_per_ip: 64,
            retry_above: 256,
            retry_above_per_ip: 16,
            max_connections: 10_000,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
            max_field_section: 16 << 10,
            max_frame: 64 << 10,
            max_sessions: 16,
            max_session_streams: 256,
            session_window: 256 << 10,
            max_resets_per_second: 1000,
            datagram_buffer: 64 << 10,
            datagrams_per_session: 32,
            early_streams: 32,
            early_datagrams: 32,
            linger: Duration::from_secs(1),
            observer: Arc::new(Unobserved),
        }
    }
}

/// The most fields that a map of `http` can be made for, each with the 32 bytes that a field counts at least. `h3` panics
/// when there are more.
const LARGEST_FIELD_SECTION: u32 = (24 << 10) * 32;

impl Limits {
    /// These limits, as far as they can be kept.
    pub(crate) fn sound(self) -> Limits {
        Limits { max_field_section: self.max_field_section.min(LARGEST_FIELD_SECTION), ..self }
    }

    /// The largest frame other than DATA. One whose fields would be accepted is.
    pub(crate) fn largest_frame(&self) -> u32 {
        self.max_frame.max(self.max_field_section)
    }

    /// QUIC's own configuration.
    pub(crate) fn transport(&self) -> quinn::TransportConfig {
        let mut transport = quinn::TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(self.max_bidi_streams.into())
            .max_concurrent_uni_streams(self.max_uni_streams.into())
            .receive_window(self.receive_window.into())
            .stream_receive_window(self.stream_receive_window.into())
            .send_window(self.send_window)
            // An idle timeout too large for the wire is as good as none.
            .max_idle_timeout(quinn::IdleTimeout::try_from(self.idle_timeout).ok())
            .keep_alive_interval(Some(self.keep_alive.min(self.idle_timeout / 3)))
            .datagram_receive_buffer_size(Some(self.datagram_buffer))
            .datagram_send_buffer_size(self.datagram_buffer);
        transport
    }
}
