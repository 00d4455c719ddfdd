//! The part of [`crate::fuzzing`] that concerns the CONNECT of a session.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::connect::Target;
use super::{dialect, subprotocol};
use crate::guard::{Guard, Piece};
use crate::qpack::{self, Inspected};
use crate::settings::PeerSettings;

/// A field section, and behind it a client's settings.
pub(crate) fn connect(input: &[u8]) {
    let Some((&length, input)) = input.split_first() else { return };
    let (settings, block) = input.split_at(usize::from(length).min(input.len()));
    let Ok(fields) = qpack::decode(block, 1 << 14) else { return };
    let sent = fields.iter().find(|(name, _)| name == ":path").map(|(_, value)| value.clone());
    let Ok(target) = Target::new(fields) else { return };
    assert_eq!(qpack::inspect(block), Inspected::Connect);
    assert_eq!(
        sent.as_deref(),
        Some(target.path.as_str().as_bytes()),
        "what is matched is not what was sent"
    );
    assert!(target.path.as_str().starts_with('/') && !target.authority.as_str().is_empty());
    let peer = PeerSettings::decode(settings);
    if let Some(dialect) = dialect::choose(&target.protocol, &target.headers, &peer) {
        assert_eq!(dialect.protocol.as_bytes(), target.protocol);
    }

    let protocol = std::str::from_utf8(&target.protocol).unwrap();
    let frame =
        qpack::encode_connect(protocol, target.authority.as_str(), target.path.as_str(), &target.headers);
    let mut guard = Guard::new(u32::MAX);
    guard.push(frame);
    let Ok(Some(Piece::Frame { bytes, header, .. })) = guard.next() else { panic!("not one frame") };
    let again = Target::new(qpack::decode(&bytes[header..], 1 << 14).unwrap()).unwrap();
    assert_eq!((again.protocol, again.authority), (target.protocol, target.authority));
    assert_eq!((again.path, again.headers), (target.path, target.headers));
}

/// The value of a field that offers subprotocols; its first byte says which field it is.
pub(crate) fn subprotocol(input: &[u8]) {
    let Some((&choice, input)) = input.split_first() else { return };
    let names = [
        ("wt-available-protocols", "wt-protocol"),
        ("webtransport-subprotocols-available", "webtransport-subprotocol"),
    ];
    let (offer, answer) = names[usize::from(choice % 2)];
    let mut headers = HeaderMap::new();
    // A line break stands between two fields of one name.
    for value in input.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.append(HeaderName::from_static(offer), value);
    }
    let offered = subprotocol::offered(&headers);
    assert!(offered.len() <= 32);
    assert!(offered.iter().map(String::len).sum::<usize>() <= input.len());
    for chosen in &offered {
        let (name, value) = subprotocol::answer(&headers, chosen).unwrap();
        assert_eq!(name, answer);
        // A client reads from the answer what it has offered.
        let answers = HeaderMap::from_iter([(name, value)]);
        assert_eq!(subprotocol::chosen(&answers).as_ref(), Some(chosen));
    }
    // What we offer as a client is what a server reads, but for tabs, which no string may hold.
    if let Some((name, value)) = subprotocol::offer(&offered) {
        let headers = HeaderMap::from_iter([(name, value)]);
        let printable: Vec<_> = offered.into_iter().filter(|name| !name.contains('\t')).collect();
        assert_eq!(subprotocol::offered(&headers), printable);
    }
}
