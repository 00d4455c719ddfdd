//! What clients may take. The defaults are safe on the open internet.

use std::time::Duration;

use super::QuicLimits;

/// What one listener, one connection and one client address may take. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Connections open at once, TCP and QUIC together; more are closed at once.
    pub max_connections: usize,
    /// Connections open at once from one client address; of IPv6, from one /64.
    pub max_connections_per_ip: usize,
    /// How long a TLS or QUIC handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take, from the first moment it could be sent.
    pub header_timeout: Duration,
    /// How long a TCP connection without requests stays open.
    pub idle_timeout: Duration,
    /// Requests open at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// The header fields of one request, decoded.
    pub max_header_bytes: u32,
    /// HTTP/2 alone.
    pub h2: H2Limits,
    /// QUIC and WebTransport alone.
    pub quic: QuicLimits,
}

/// What one HTTP/2 connection may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H2Limits {
    /// How far ahead of the gateway a client may send on one stream (`SETTINGS_INITIAL_WINDOW_SIZE`).
    pub initial_stream_window: u32,
    /// The same over all streams of a connection.
    pub initial_connection_window: u32,
    /// The largest frame accepted (`SETTINGS_MAX_FRAME_SIZE`).
    pub max_frame_size: u32,
    /// Streams that were reset by the client before the gateway got to them; one more ends the connection.
    pub max_pending_reset_streams: usize,
    /// Streams that the gateway had to reset for an error of the client; one more ends the connection.
    pub max_local_error_resets: usize,
    /// Requests that are malformed HTTP; one more ends the connection.
    pub max_malformed_streams: usize,
}

impl Default for ListenerLimits {
    fn default() -> ListenerLimits {
        ListenerLimits {
            max_connections: 10_000,
            max_connections_per_ip: 256,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            max_streams: 100,
            max_header_bytes: 16 << 10,
            h2: H2Limits::default(),
            quic: QuicLimits::default(),
        }
    }
}

impl Default for H2Limits {
    fn default() -> H2Limits {
        H2Limits {
            initial_stream_window: 256 << 10,
            initial_connection_window: 1 << 20,
            max_frame_size: 16 << 10,
            max_pending_reset_streams: 20,
            max_local_error_resets: 100,
            max_malformed_streams: 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document has a row for each limit, with its default; a limit that is missing here does not compile.
    #[test]
    fn every_limit_has_its_default_in_the_document() {
        let ListenerLimits {
            max_connections,
            max_connections_per_ip,
            handshake_timeout,
            header_timeout,
            idle_timeout,
            max_streams,
            max_header_bytes,
            h2,
            // It has a table, and a test, of its own.
            quic: _,
        } = ListenerLimits::default();
        let H2Limits {
            initial_stream_window,
            initial_connection_window,
            max_frame_size,
            max_pending_reset_streams,
            max_local_error_resets,
            max_malformed_streams,
        } = h2;
        let kib = |bytes: u32| format!("{} KiB", bytes >> 10);
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        let expected = [
            ("max_connections", "10 000".to_owned()),
            ("max_connections_per_ip", max_connections_per_ip.to_string()),
            ("handshake_timeout", seconds(handshake_timeout)),
            ("header_timeout", seconds(header_timeout)),
            ("idle_timeout", format!("{} min", idle_timeout.as_secs() / 60)),
            ("max_streams", max_streams.to_string()),
            ("max_header_bytes", kib(max_header_bytes)),
            ("h2.initial_stream_window", kib(initial_stream_window)),
            ("h2.initial_connection_window", format!("{} MiB", initial_connection_window >> 20)),
            ("h2.max_frame_size", kib(max_frame_size)),
            ("h2.max_pending_reset_streams", max_pending_reset_streams.to_string()),
            ("h2.max_local_error_resets", max_local_error_resets.to_string()),
            ("h2.max_malformed_streams", max_malformed_streams.to_string()),
        ];
        assert_eq!(max_connections, 10_000);
        let document = include_str!("../../../../docs/operations.md");
        let table = document.split("`[listeners.limits]`:").nth(1).unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with("| `"));
        let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
        for (key, default) in &expected {
            let row = format!("| `{key}` | {default} |");
            assert!(rows.iter().any(|line| line.starts_with(&row)), "{row} is not in the document");
        }
        assert_eq!(rows.len(), expected.len(), "the document has rows that the code has not");
    }
}
