//! `[listeners.limits]`: how much one listener, one connection and one client may take.

use super::quantity::Size;
use super::quic_limits;
use super::section::Section;
use crate::plan::{H2Limits, ListenerLimits};

/// Counts of streams, requests and the like on one connection.
pub(super) const COUNTS: std::ops::RangeInclusive<u32> = 1..=100_000;
/// Connections of a listener.
pub(super) const CONNECTIONS: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// The largest window that HTTP/2 has. Source: RFC 9113, section 6.9.1.
pub(super) const MAX_WINDOW: Size = Size::bytes((1 << 31) - 1);
/// The smallest window: less than HTTP/2 begins with would only slow clients down.
const MIN_WINDOW: Size = Size::bytes((1 << 16) - 1);

pub(super) fn read(mut section: Section<'_>) -> ListenerLimits {
    let default = ListenerLimits::default();
    let headers = Size::kib(1)..=Size::mib(1);
    let limits = ListenerLimits {
        max_connections: section.count("max_connections", CONNECTIONS, default.max_connections),
        max_connections_per_ip: section.count(
            "max_connections_per_ip",
            CONNECTIONS,
            default.max_connections_per_ip,
        ),
        handshake_timeout: section.period("handshake_timeout", default.handshake_timeout),
        header_timeout: section.period("header_timeout", default.header_timeout),
        idle_timeout: section.period("idle_timeout", default.idle_timeout),
        max_streams: section.within("max_streams", COUNTS).map_or(default.max_streams, |max| *max.get_ref()),
        max_header_bytes: section.size("max_header_bytes", headers, default.max_header_bytes),
        h2: section.section("h2").map_or(default.h2, read_h2),
        quic: section.section("quic").map_or(default.quic, quic_limits::read),
    };
    section.finish();
    limits
}

fn read_h2(mut section: Section<'_>) -> H2Limits {
    let default = H2Limits::default();
    let windows = MIN_WINDOW..=MAX_WINDOW;
    // Source: RFC 9113, section 4.2.
    let frames = Size::kib(16)..=Size::bytes((1 << 24) - 1);
    let limits = H2Limits {
        initial_stream_window: section.size(
            "initial_stream_window",
            windows.clone(),
            default.initial_stream_window,
        ),
        initial_connection_window: section.size(
            "initial_connection_window",
            windows,
            default.initial_connection_window,
        ),
        max_frame_size: section.size("max_frame_size", frames, default.max_frame_size),
        max_pending_reset_streams: section.count(
            "max_pending_reset_streams",
            COUNTS,
            default.max_pending_reset_streams,
        ),
        max_local_error_resets: section.count(
            "max_local_error_resets",
            COUNTS,
            default.max_local_error_resets,
        ),
        max_malformed_streams: section.count("max_malformed_streams", COUNTS, default.max_malformed_streams),
    };
    section.finish();
    limits
}
