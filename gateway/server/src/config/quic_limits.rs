//! `[listeners.limits.quic]`: how much the clients of HTTP/3 and WebTransport may take.

use super::limits::{CONNECTIONS, COUNTS, MAX_WINDOW};
use super::quantity::Size;
use super::section::Section;
use crate::plan::QuicLimits;

pub(super) fn read(mut section: Section<'_>) -> QuicLimits {
    let default = QuicLimits::default();
    let windows = Size::kib(16)..=MAX_WINDOW;
    let datagrams = Size::kib(2)..=Size::mib(16);
    let buffers = Size::kib(64)..=Size::mib(1024);
    // HTTP/3 needs three: RFC 9114, section 6.2.
    let uni_streams = 3..=10_000;
    // The sizes that frames of settings and capsules need at least.
    let frames = Size::kib(16)..=Size::mib(1);
    let waiting = 0..=10_000;
    let counted =
        |found: Option<toml::Spanned<u32>>, default: u32| found.map_or(default, |max| *max.get_ref());
    let limits = QuicLimits {
        stream_window: section.size("stream_window", windows.clone(), default.stream_window),
        connection_window: section.size("connection_window", windows.clone(), default.connection_window),
        send_window: section.size("send_window", windows.clone(), default.send_window),
        max_streams: counted(section.within("max_streams", COUNTS), default.max_streams),
        max_uni_streams: counted(section.within("max_uni_streams", uni_streams), default.max_uni_streams),
        idle_timeout: section.period("idle_timeout", default.idle_timeout),
        keep_alive: section.period("keep_alive", default.keep_alive),
        linger: section.period("linger", default.linger),
        max_incoming: section.count("max_incoming", CONNECTIONS, default.max_incoming),
        max_incoming_per_ip: section.count("max_incoming_per_ip", CONNECTIONS, default.max_incoming_per_ip),
        retry_above: section.count("retry_above", 0..=1_000_000, default.retry_above),
        retry_above_per_ip: section.count("retry_above_per_ip", 0..=1_000_000, default.retry_above_per_ip),
        max_frame: section.size("max_frame", frames, default.max_frame),
        max_resets_per_second: counted(
            section.within("max_resets_per_second", COUNTS),
            default.max_resets_per_second,
        ),
        max_sessions: counted(section.within("max_sessions", 1..=1000), default.max_sessions),
        max_session_streams: counted(
            section.within("max_session_streams", COUNTS),
            default.max_session_streams,
        ),
        session_window: section.size("session_window", windows, default.session_window),
        datagram_buffer: section.size("datagram_buffer", datagrams, default.datagram_buffer as u32) as usize,
        datagrams_per_session: section.count(
            "datagrams_per_session",
            1..=10_000,
            default.datagrams_per_session,
        ),
        early_streams: section.count("early_streams", waiting.clone(), default.early_streams),
        early_datagrams: section.count("early_datagrams", waiting, default.early_datagrams),
        socket_receive_buffer: section.size(
            "socket_receive_buffer",
            buffers.clone(),
            default.socket_receive_buffer,
        ),
        socket_send_buffer: section.size("socket_send_buffer", buffers, default.socket_send_buffer),
    };
    section.finish();
    limits
}
