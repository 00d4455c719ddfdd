//! What a limit refuses, by the limit's name.

use std::fmt;

/// Something that was refused or dropped because of a limit.
///
/// One variant for each limit of [`Limits`](crate::Limits) that turns something away, and no other, so that
/// [`Refusal::name`] can be the label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Refusal {
    /// A handshake, because of [`max_incoming`](crate::Limits::max_incoming).
    MaxIncoming,
    /// A handshake, because of [`max_incoming_per_ip`](crate::Limits::max_incoming_per_ip).
    MaxIncomingPerIp,
    /// A handshake, because of [`max_connections`](crate::Limits::max_connections).
    MaxConnections,
    /// A client had to prove its address, because of [`retry_above`](crate::Limits::retry_above).
    RetryAbove,
    /// The same, because of [`retry_above_per_ip`](crate::Limits::retry_above_per_ip).
    RetryAbovePerIp,
    /// A handshake took longer than [`handshake_timeout`](crate::Limits::handshake_timeout).
    HandshakeTimeout,
    /// A stream, or the settings that a CONNECT needs, took longer than
    /// [`header_timeout`](crate::Limits::header_timeout).
    HeaderTimeout,
    /// A connection was closed because nothing used it for [`idle_timeout`](crate::Limits::idle_timeout).
    IdleTimeout,
    /// A request whose head is larger than [`max_field_section`](crate::Limits::max_field_section).
    MaxFieldSection,
    /// A connection that declared a frame larger than [`max_frame`](crate::Limits::max_frame).
    MaxFrame,
    /// A session, because of [`max_sessions`](crate::Limits::max_sessions) or because its draft allows but one.
    MaxSessions,
    /// A stream, or the session that it belongs to, because of
    /// [`max_session_streams`](crate::Limits::max_session_streams).
    MaxSessionStreams,
    /// A session whose peer sent more than [`session_window`](crate::Limits::session_window) allowed.
    SessionWindow,
    /// A connection that took back more than [`max_resets_per_second`](crate::Limits::max_resets_per_second).
    MaxResetsPerSecond,
    /// A received datagram that nobody read in time, because of
    /// [`datagrams_per_session`](crate::Limits::datagrams_per_session).
    DatagramsPerSession,
    /// A stream without a session, because of [`early_streams`](crate::Limits::early_streams) or because its session
    /// did not open within [`header_timeout`](crate::Limits::header_timeout).
    EarlyStreams,
    /// The same for a datagram, because of [`early_datagrams`](crate::Limits::early_datagrams).
    EarlyDatagrams,
}

impl Refusal {
    /// Every variant once, in the order of their discriminants.
    pub const ALL: [Refusal; 17] = [
        Refusal::MaxIncoming,
        Refusal::MaxIncomingPerIp,
        Refusal::MaxConnections,
        Refusal::RetryAbove,
        Refusal::RetryAbovePerIp,
        Refusal::HandshakeTimeout,
        Refusal::HeaderTimeout,
        Refusal::IdleTimeout,
        Refusal::MaxFieldSection,
        Refusal::MaxFrame,
        Refusal::MaxSessions,
        Refusal::MaxSessionStreams,
        Refusal::SessionWindow,
        Refusal::MaxResetsPerSecond,
        Refusal::DatagramsPerSession,
        Refusal::EarlyStreams,
        Refusal::EarlyDatagrams,
    ];

    /// The name of the limit, as [`Limits`](crate::Limits) has it.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::MaxIncoming => "max_incoming",
            Refusal::MaxIncomingPerIp => "max_incoming_per_ip",
            Refusal::MaxConnections => "max_connections",
            Refusal::RetryAbove => "retry_above",
            Refusal::RetryAbovePerIp => "retry_above_per_ip",
            Refusal::HandshakeTimeout => "handshake_timeout",
            Refusal::HeaderTimeout => "header_timeout",
            Refusal::IdleTimeout => "idle_timeout",
            Refusal::MaxFieldSection => "max_field_section",
            Refusal::MaxFrame => "max_frame",
            Refusal::MaxSessions => "max_sessions",
            Refusal::MaxSessionStreams => "max_session_streams",
            Refusal::SessionWindow => "session_window",
            Refusal::MaxResetsPerSecond => "max_resets_per_second",
            Refusal::DatagramsPerSession => "datagrams_per_session",
            Refusal::EarlyStreams => "early_streams",
            Refusal::EarlyDatagrams => "early_datagrams",
        }
    }
}

/// Is told what the limits refuse.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Something was refused. Called where it happens, so it must return at once.
    fn refused(&self, what: Refusal);
}

/// Whom nobody has asked to count.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn refused(&self, _what: Refusal) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_own_place_and_name() {
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, place);
        }
        let mut names = Refusal::ALL.map(Refusal::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len());
    }
}
