//! HTTP/3's SETTINGS frame: what we advertise, and what the other side does.

use bytes::BytesMut;

use crate::limits::Limits;
use crate::varint;
use crate::webtransport::dialect;

/// `SETTINGS_MAX_FIELD_SECTION_SIZE` (RFC 9114, section 7.2.4.1).
pub(crate) const MAX_FIELD_SECTION_SIZE: u64 = 0x06;
/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 9220).
pub(crate) const ENABLE_CONNECT_PROTOCOL: u64 = 0x08;

/// Our settings. `h3` can advertise no other than its own, so the frame it writes is replaced by this one.
pub(crate) fn ours(limits: &Limits) -> Vec<(u64, u64)> {
    let mut settings = vec![(MAX_FIELD_SECTION_SIZE, u64::from(limits.max_field_section))];
    if limits.max_sessions > 0 {
        settings.push((ENABLE_CONNECT_PROTOCOL, 1));
        settings.extend(dialect::settings(limits));
    }
    settings
}

/// The payload of a SETTINGS frame.
pub(crate) fn encode(settings: &[(u64, u64)]) -> BytesMut {
    let mut payload = BytesMut::new();
    for (id, value) in settings {
        varint::write(*id, &mut payload);
        varint::write(*value, &mut payload);
    }
    payload
}

/// What the other side advertises. Broken settings are refused by `h3`, which reads the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PeerSettings(Vec<(u64, u64)>);

/// More settings than anyone has; what follows is not remembered.
const MAX_SETTINGS: usize = 64;

impl PeerSettings {
    /// Reads the payload of a SETTINGS frame, as far as it is sound.
    pub(crate) fn decode(mut payload: &[u8]) -> PeerSettings {
        let mut settings = Vec::new();
        while settings.len() < MAX_SETTINGS
            && let Some(id) = varint::take(&mut payload)
            && let Some(value) = varint::take(&mut payload)
        {
            settings.push((id, value));
        }
        PeerSettings(settings)
    }

    /// The value of a setting, 0 when it is not advertised: the default of all that are asked for here.
    pub(crate) fn get(&self, id: u64) -> u64 {
        self.0.iter().find(|setting| setting.0 == id).map_or(0, |setting| setting.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn advertises_webtransport_only_when_it_is_on() {
        let on = PeerSettings(ours(&Limits::default()));
        assert_eq!((on.get(ENABLE_CONNECT_PROTOCOL), on.get(MAX_FIELD_SECTION_SIZE)), (1, 16 << 10));
        let off = ours(&Limits { max_sessions: 0, ..Limits::default() });
        assert_eq!(off, [(MAX_FIELD_SECTION_SIZE, 16 << 10)]);
    }

    proptest! {
        #[test]
        fn survives_the_wire(
            settings in prop::collection::vec((0..=varint::MAX, 0..=varint::MAX), 0..MAX_SETTINGS)
        ) {
            prop_assert_eq!(PeerSettings::decode(&encode(&settings)), PeerSettings(settings));
        }

        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let read = PeerSettings::decode(&bytes);
            prop_assert!(read.0.len() <= MAX_SETTINGS);
        }
    }
}
