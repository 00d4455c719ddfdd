//! The drafts of WebTransport over HTTP/3 that clients speak, as data.
//!
//! Stream types, capsules, datagrams and error codes are the same on the wire in all of them. What has moved are the
//! settings, the `:protocol` token, a few header fields and the flow control of sessions. The gateway advertises the
//! settings of all drafts at once and finds out with each CONNECT which of them the client speaks. A new draft is one
//! more row here.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::flow::Receiving;
use crate::limits::Limits;
use crate::settings::PeerSettings;

/// One draft, or several that are the same on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The name in logs, such as `draft-02`.
    pub name: &'static str,
    /// The newest draft that is so on the wire.
    draft: u8,
    /// The value of `:protocol`.
    pub protocol: &'static str,
    /// A request header that only this draft's clients send, and all of them do.
    marker: Option<(&'static str, &'static str)>,
    /// The setting by which a client shows that it speaks this draft.
    client_setting: Option<u64>,
    /// The setting by which a server does.
    server_setting: u64,
    /// What either side advertises.
    settings: &'static [(u64, Advertised)],
    /// What a server answers besides the status.
    response: &'static [(&'static str, &'static str)],
    /// The header fields in which clients offer subprotocols and servers answer with one.
    subprotocols: &'static [(&'static str, &'static str)],
    /// The settings by any of which a side asks for flow control of sessions, with the least value that does. Sessions
    /// have it when both sides ask; without it, a client may have one session only. In drafts without flow control
    /// there are none, and as many sessions as the server allows.
    flow_control: &'static [(u64, u64)],
    /// Whether peers may keep to our limits without asking for flow control themselves. They are told of credit too.
    obeys_unasked: bool,
}

/// The value of a setting.
#[derive(Debug, PartialEq, Eq)]
enum Advertised {
    /// Always the same.
    Fixed(u64),
    /// How many sessions a connection may have.
    Sessions,
    /// How many bytes a session may have sent that we have not passed on.
    Window,
    /// How many streams of one kind a session may have open.
    Streams,
}
use Advertised::{Fixed, Sessions, Streams, Window};

/// What a peer may receive of us in a session before it raises its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Initial {
    pub(crate) data: u64,
    pub(crate) bidi: u64,
    pub(crate) uni: u64,
}

/// `SETTINGS_H3_DATAGRAM` (RFC 9297).
const H3_DATAGRAM: u64 = 0x33;
/// The same in the drafts of RFC 9297, which browsers still send.
const H3_DATAGRAM_DRAFT: u64 = 0xff_d277;
/// `SETTINGS_ENABLE_WEBTRANSPORT`, drafts 02 to 06.
const ENABLE_WEBTRANSPORT: u64 = 0x2b60_3742;
/// `SETTINGS_WEBTRANSPORT_MAX_SESSIONS`, drafts 02 to 06.
const MAX_SESSIONS_02: u64 = 0x2b60_3743;
/// `SETTINGS_WEBTRANSPORT_MAX_SESSIONS`, drafts 07 to 12.
const MAX_SESSIONS_07: u64 = 0xc671_706a;
/// `SETTINGS_WT_MAX_SESSIONS`, drafts 13 and 14.
const MAX_SESSIONS_13: u64 = 0x14e9_cd29;
/// `SETTINGS_WT_ENABLED`, since draft 15.
const WT_ENABLED: u64 = 0x2c7c_f000;
/// `SETTINGS_WT_INITIAL_MAX_DATA`, since draft 13.
const INITIAL_MAX_DATA: u64 = 0x2b61;
/// `SETTINGS_WT_INITIAL_MAX_STREAMS_UNI`, since draft 13.
const INITIAL_MAX_STREAMS_UNI: u64 = 0x2b64;
/// `SETTINGS_WT_INITIAL_MAX_STREAMS_BIDI`, since draft 13.
const INITIAL_MAX_STREAMS_BIDI: u64 = 0x2b65;

/// How a side asks for flow control since draft 15.
const ASKS_16: [(u64, u64); 3] =
    [(INITIAL_MAX_DATA, 1), (INITIAL_MAX_STREAMS_UNI, 1), (INITIAL_MAX_STREAMS_BIDI, 1)];
/// The same in draft 14. Draft 13 knew only the number of sessions.
const ASKS_14: [(u64, u64); 4] = [
    (INITIAL_MAX_DATA, 1),
    (INITIAL_MAX_STREAMS_UNI, 1),
    (INITIAL_MAX_STREAMS_BIDI, 1),
    (MAX_SESSIONS_13, 2),
];

/// The fields of subprotocols since draft 10.
const WT_PROTOCOL: (&str, &str) = ("wt-available-protocols", "wt-protocol");
/// The same in draft 09.
const WEBTRANSPORT_SUBPROTOCOL: (&str, &str) =
    ("webtransport-subprotocols-available", "webtransport-subprotocol");

/// Every draft, the most telling sign first: a client is taken for the first whose signs all fit.
pub static ALL: &[Dialect] = &[
    Dialect {
        name: "draft-16",
        draft: 16,
        protocol: "webtransport-h3",
        marker: None,
        client_setting: None,
        server_setting: WT_ENABLED,
        settings: &[
            (H3_DATAGRAM, Fixed(1)),
            (WT_ENABLED, Fixed(1)),
            (INITIAL_MAX_DATA, Window),
            (INITIAL_MAX_STREAMS_UNI, Streams),
            (INITIAL_MAX_STREAMS_BIDI, Streams),
        ],
        response: &[],
        subprotocols: &[WT_PROTOCOL],
        flow_control: &ASKS_16,
        obeys_unasked: false,
    },
    Dialect {
        name: "draft-02",
        draft: 6,
        protocol: "webtransport",
        marker: Some(("sec-webtransport-http3-draft02", "1")),
        client_setting: None,
        server_setting: ENABLE_WEBTRANSPORT,
        settings: &[
            (H3_DATAGRAM_DRAFT, Fixed(1)),
            (ENABLE_WEBTRANSPORT, Fixed(1)),
            (MAX_SESSIONS_02, Sessions),
        ],
        response: &[("sec-webtransport-http3-draft", "draft02")],
        // The draft has none; its browsers do as later drafts say.
        subprotocols: &[WT_PROTOCOL],
        flow_control: &[],
        obeys_unasked: false,
    },
    Dialect {
        name: "draft-14",
        draft: 14,
        protocol: "webtransport",
        marker: None,
        client_setting: Some(MAX_SESSIONS_13),
        server_setting: MAX_SESSIONS_13,
        settings: &[
            (H3_DATAGRAM, Fixed(1)),
            (MAX_SESSIONS_13, Sessions),
            (INITIAL_MAX_DATA, Window),
            (INITIAL_MAX_STREAMS_UNI, Streams),
            (INITIAL_MAX_STREAMS_BIDI, Streams),
        ],
        response: &[],
        subprotocols: &[WT_PROTOCOL],
        flow_control: &ASKS_14,
        obeys_unasked: true,
    },
    // Clients of drafts 09 to 12 show no setting, so this one comes last.
    Dialect {
        name: "draft-07",
        draft: 12,
        protocol: "webtransport",
        marker: None,
        client_setting: None,
        server_setting: MAX_SESSIONS_07,
        settings: &[(H3_DATAGRAM, Fixed(1)), (MAX_SESSIONS_07, Sessions)],
        response: &[],
        subprotocols: &[WT_PROTOCOL, WEBTRANSPORT_SUBPROTOCOL],
        flow_control: &[],
        // Safari sends nothing without credit, whichever of the drafts 07 to 14 it takes us for.
        obeys_unasked: true,
    },
];

/// Whether this `:protocol` asks for a session in any draft.
pub(crate) fn is_webtransport(protocol: &[u8]) -> bool {
    ALL.iter().any(|dialect| dialect.protocol.as_bytes() == protocol)
}

/// The draft that a client speaks.
pub(crate) fn choose(protocol: &[u8], headers: &HeaderMap, peer: &PeerSettings) -> Option<&'static Dialect> {
    ALL.iter().find(|dialect| {
        dialect.protocol.as_bytes() == protocol
            && dialect.marker.is_none_or(|(name, _)| headers.contains_key(name))
            && dialect.client_setting.is_none_or(|id| peer.get(id) > 0)
    })
}

/// The newest draft that a server speaks; `None` when it has no WebTransport.
pub(crate) fn offered(peer: &PeerSettings) -> Option<&'static Dialect> {
    ALL.iter().filter(|dialect| peer.get(dialect.server_setting) > 0).max_by_key(|dialect| dialect.draft)
}

/// Whether the other side takes datagrams, under the name of any draft of RFC 9297.
pub(crate) fn takes_datagrams(peer: &PeerSettings) -> bool {
    [H3_DATAGRAM, H3_DATAGRAM_DRAFT].iter().any(|id| peer.get(*id) > 0)
}

/// The fields in which subprotocols are offered and answered in any draft, each pair once, the usual one first. What a
/// client of one draft offers in those of another is understood as well: browsers mix them.
pub(crate) fn subprotocol_fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = || ALL.iter().flat_map(|dialect| dialect.subprotocols).copied();
    all()
        .enumerate()
        .filter(move |(place, pair)| all().take(*place).all(|before| before != *pair))
        .map(|(_, pair)| pair)
}

/// The settings of all drafts, each once.
pub(crate) fn settings(limits: &Limits) -> Vec<(u64, u64)> {
    let mut settings: Vec<(u64, u64)> = Vec::new();
    for (id, value) in ALL.iter().flat_map(|dialect| dialect.settings) {
        let value = match value {
            Fixed(value) => *value,
            Sessions => u64::from(limits.max_sessions),
            Window => u64::from(limits.session_window),
            Streams => u64::from(limits.max_session_streams),
        };
        if settings.iter().all(|setting| setting.0 != *id) {
            settings.push((*id, value));
        }
    }
    settings
}

impl Dialect {
    /// The header field that marks a CONNECT.
    pub(crate) fn request_header(&self) -> Option<(HeaderName, HeaderValue)> {
        self.marker.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    }

    /// The header fields that answer a CONNECT.
    pub(crate) fn response_headers(&self) -> HeaderMap {
        let fields = self.response.iter();
        fields.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    /// What we may send in a session at first; `None` when it has no flow control. We always ask for it.
    pub(crate) fn initial(&self, peer: &PeerSettings) -> Option<Initial> {
        let is_on = self.flow_control.iter().any(|(id, least)| peer.get(*id) >= *least);
        is_on.then(|| Initial {
            data: peer.get(INITIAL_MAX_DATA),
            bidi: peer.get(INITIAL_MAX_STREAMS_BIDI),
            uni: peer.get(INITIAL_MAX_STREAMS_UNI),
        })
    }

    /// Whether a peer may tell us of the limit that we have already. Draft 16 forbids it, and those before only a lower one.
    pub(crate) fn may_repeat_limits(&self) -> bool {
        self.draft < 16
    }

    /// What the peer may send; `None` when only QUIC limits it.
    pub(crate) fn receiving(&self, limits: &Limits, peer: &PeerSettings) -> Option<Receiving> {
        let asks = self.initial(peer).is_some();
        (asks || self.obeys_unasked).then(|| Receiving::new(limits, asks))
    }

    /// How many sessions a client may have at once. A draft that can pool sessions only with flow control allows one
    /// to a client that does not use it.
    pub(crate) fn max_sessions(&self, ours: u32, peer: &PeerSettings) -> u32 {
        let is_pooled = self.flow_control.is_empty() || self.initial(peer).is_some();
        if is_pooled { ours } else { ours.min(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{PeerSettings, encode};
    use crate::webtransport::flow::Kind;

    fn peer(settings: &[(u64, u64)]) -> PeerSettings {
        PeerSettings::decode(&encode(settings))
    }

    fn check(protocol: &str, marker: bool, settings: &[(u64, u64)], name: &str) {
        let mut headers = HeaderMap::new();
        if marker {
            headers.insert("sec-webtransport-http3-draft02", HeaderValue::from_static("1"));
        }
        let chosen = choose(protocol.as_bytes(), &headers, &peer(settings));
        assert_eq!(chosen.map(|dialect| dialect.name), Some(name));
    }

    #[test]
    fn tells_clients_apart() {
        // Chromium 156, and with its draft-07 flag.
        check(
            "webtransport",
            true,
            &[(0x33, 1), (H3_DATAGRAM_DRAFT, 1), (ENABLE_WEBTRANSPORT, 1)],
            "draft-02",
        );
        check("webtransport", true, &[(ENABLE_WEBTRANSPORT, 1), (MAX_SESSIONS_07, 16)], "draft-02");
        check("webtransport", false, &[(MAX_SESSIONS_07, 1)], "draft-07");
        check("webtransport", false, &[(0x33, 1)], "draft-07");
        check("webtransport", false, &[(MAX_SESSIONS_13, 1)], "draft-14");
        check("webtransport-h3", false, &[(WT_ENABLED, 1)], "draft-16");
        assert!(choose(b"websocket", &HeaderMap::new(), &peer(&[])).is_none());
        assert!(!is_webtransport(b"connect-udp"));
    }

    #[test]
    fn speaks_the_newest_draft_of_a_server() {
        let check = |settings: &[(u64, u64)], name: Option<&str>| {
            assert_eq!(offered(&peer(settings)).map(|dialect| dialect.name), name);
        };
        check(&settings(&Limits::default()), Some("draft-16"));
        check(&[(ENABLE_WEBTRANSPORT, 1), (MAX_SESSIONS_07, 1), (MAX_SESSIONS_13, 1)], Some("draft-14"));
        check(&[(ENABLE_WEBTRANSPORT, 1), (MAX_SESSIONS_07, 1)], Some("draft-07"));
        check(&[(ENABLE_WEBTRANSPORT, 1), (MAX_SESSIONS_02, 1), (WT_ENABLED, 0)], Some("draft-02"));
        check(&[(H3_DATAGRAM, 1)], None);
        assert!(
            takes_datagrams(&peer(&[(H3_DATAGRAM_DRAFT, 1)]))
                && takes_datagrams(&peer(&settings(&Limits::default())))
        );
        assert!(!takes_datagrams(&peer(&[(ENABLE_WEBTRANSPORT, 1)])));
    }

    #[test]
    fn knows_every_pair_of_fields_once() {
        let fields: Vec<_> = subprotocol_fields().collect();
        assert_eq!(fields, [WT_PROTOCOL, WEBTRANSPORT_SUBPROTOCOL]);
    }

    #[test]
    fn advertises_every_setting_once() {
        let settings = settings(&Limits::default());
        assert_eq!(settings.len(), 10);
        for id in [H3_DATAGRAM, H3_DATAGRAM_DRAFT, ENABLE_WEBTRANSPORT, WT_ENABLED] {
            assert!(settings.contains(&(id, 1)), "{id:#x}");
        }
        for id in [MAX_SESSIONS_02, MAX_SESSIONS_07, MAX_SESSIONS_13] {
            assert!(settings.contains(&(id, 16)), "{id:#x}");
        }
        // Safari needs all three beside the number of sessions.
        let limits =
            [(INITIAL_MAX_DATA, 256 << 10), (INITIAL_MAX_STREAMS_BIDI, 256), (INITIAL_MAX_STREAMS_UNI, 256)];
        assert!(limits.iter().all(|limit| settings.contains(limit)));
    }

    fn row(name: &str) -> &'static Dialect {
        ALL.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn a_client_without_flow_control_has_one_session_where_the_draft_says_so() {
        let limited = peer(&[(INITIAL_MAX_DATA, 7), (INITIAL_MAX_STREAMS_UNI, 8)]);
        let initial = Some(Initial { data: 7, bidi: 0, uni: 8 });
        for (name, with, without) in
            [("draft-16", 16, 1), ("draft-14", 16, 1), ("draft-07", 16, 16), ("draft-02", 16, 16)]
        {
            let row = row(name);
            assert_eq!(row.max_sessions(16, &limited), with);
            assert_eq!(row.max_sessions(16, &peer(&[])), without);
            assert_eq!(row.initial(&limited), initial.filter(|_| without == 1));
        }
        // In draft 14 more than one session asks for it too.
        assert_eq!(row("draft-14").initial(&peer(&[(MAX_SESSIONS_13, 1)])), None);
        let nothing = Some(Initial { data: 0, bidi: 0, uni: 0 });
        assert_eq!(row("draft-14").initial(&peer(&[(MAX_SESSIONS_13, 2)])), nothing);
        assert_eq!(row("draft-16").initial(&peer(&[(MAX_SESSIONS_13, 2)])), None);
    }

    #[test]
    fn those_who_may_obey_unasked_get_credit_and_are_not_held_to_it() {
        let limits = Limits { session_window: 10, ..Limits::default() };
        let check = |name: &str, settings: &[(u64, u64)], enforced: Option<bool>| {
            let receiving = row(name).receiving(&limits, &peer(settings));
            let exceeded = receiving.map(|receiving| receiving.arrive(Kind::Data, 11).is_err());
            assert_eq!(exceeded, enforced, "{name}");
        };
        check("draft-16", &[], None);
        check("draft-16", &[(INITIAL_MAX_DATA, 1)], Some(true));
        check("draft-14", &[], Some(false));
        check("draft-14", &[(INITIAL_MAX_DATA, 1)], Some(true));
        check("draft-07", &[(INITIAL_MAX_DATA, 1)], Some(false));
        check("draft-02", &[(INITIAL_MAX_DATA, 1)], None);
    }
}
