//! What clients of QUIC may take. The defaults are safe on the open internet.

use std::time::Duration;

/// What the QUIC sockets of a listener, and one connection, may take. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuicLimits {
    /// How far ahead of the gateway a client may send on one stream.
    pub stream_window: u32,
    /// The same over all streams of a connection.
    pub connection_window: u32,
    /// What a connection may have sent and its client not have acknowledged.
    pub send_window: u32,
    /// Requests and WebTransport streams that clients open both ways, open at once on one connection.
    pub max_streams: u32,
    /// Streams that clients open one way, open at once on one connection. HTTP/3 itself takes three.
    pub max_uni_streams: u32,
    /// After how long without packets a client is taken for gone, and after how long without a call or session its
    /// connection is closed.
    pub idle_timeout: Duration,
    /// How often a quiet connection is probed.
    pub keep_alive: Duration,
    /// How long a drained connection waits for its client to close it, and a stream whose call is over for its end.
    pub linger: Duration,
    /// Handshakes in progress at once on the listener; more clients are refused.
    pub max_incoming: usize,
    /// The same from one client address, once it is proved.
    pub max_incoming_per_ip: usize,
    /// Handshakes in progress from which on a client must first prove its address (Retry). 0 asks everybody.
    pub retry_above: usize,
    /// The same for handshakes of one client address.
    pub retry_above_per_ip: usize,
    /// The largest frame other than DATA.
    pub max_frame: u32,
    /// Streams that a client may take back within a second.
    pub max_resets_per_second: u32,
    /// WebTransport sessions open at once on one connection.
    pub max_sessions: u32,
    /// Streams open at once in one session, both kinds counted apart.
    pub max_session_streams: u32,
    /// How far ahead of the gateway a client may send in one session, if it asks for flow control of sessions.
    pub session_window: u32,
    /// Datagrams that wait to be read, and to be sent, on one connection.
    pub datagram_buffer: usize,
    /// Datagrams that wait to be read in one session.
    pub datagrams_per_session: usize,
    /// Streams of one connection that wait for their session to open.
    pub early_streams: usize,
    /// Datagrams of one connection that wait for their session to open.
    pub early_datagrams: usize,
    /// What the kernel may keep of packets that were not read yet, for each socket.
    pub socket_receive_buffer: u32,
    /// What the kernel may keep of packets that were not sent yet, for each socket.
    pub socket_send_buffer: u32,
}

impl Default for QuicLimits {
    fn default() -> QuicLimits {
        QuicLimits {
            stream_window: 256 << 10,
            connection_window: 1 << 20,
            send_window: 1 << 20,
            max_streams: 256,
            max_uni_streams: 32,
            idle_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
            linger: Duration::from_secs(1),
            max_incoming: 1024,
            // Of the same order as what a browser opens to one host, times a household behind one address.
            max_incoming_per_ip: 64,
            retry_above: 256,
            // Whoever forges addresses gets no more of the places of the address that it forges.
            retry_above_per_ip: 16,
            max_frame: 64 << 10,
            max_resets_per_second: 1000,
            max_sessions: 16,
            max_session_streams: 256,
            session_window: 256 << 10,
            datagram_buffer: 64 << 10,
            datagrams_per_session: 32,
            early_streams: 32,
            early_datagrams: 32,
            // At 1 Gbit/s, 32 ms in which the gateway reads nothing.
            socket_receive_buffer: 4 << 20,
            // Sixteen times what is handed to the kernel at once. When it is full the gateway waits, and nothing is lost.
            socket_send_buffer: 1 << 20,
        }
    }
}
