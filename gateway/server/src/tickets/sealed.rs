//! A ticket as text: what it says, and a code by which its gateways know that one of them has said it.
//!
//! ```text
//! 1 (version), 16 random octets, expiry (u64: milliseconds since 1970), identity, HMAC-SHA-256 of all that
//! ```
//!
//! in base64 for URLs. To clients it is opaque: nobody but the gateways reads it, or could make one.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// What the secrets are used for here, so that a code made with one for something else is none of ours.
const PURPOSE: &[u8] = b"sluicegate session ticket";
const VERSION: u8 = 1;
const NONCE: usize = 16;
const CODE: usize = 32;

/// What makes a ticket unlike all others.
pub(super) type Nonce = [u8; NONCE];

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) nonce: Nonce,
    /// Milliseconds since 1970.
    pub(super) expires: u64,
    /// Whom it was made for, if a filter has said so.
    pub(super) identity: Option<Arc<str>>,
}

impl Ticket {
    /// Fails if the system has no random numbers.
    pub(super) fn new(expires: u64, identity: Option<&str>) -> Result<Ticket, ring::error::Unspecified> {
        let nonce = ring::rand::generate(&ring::rand::SystemRandom::new())?.expose();
        Ok(Ticket { nonce, expires, identity: identity.map(Arc::from) })
    }
}

/// The keys that tickets are made with, and known by.
#[derive(Clone)]
pub(crate) struct Keys {
    making: hmac::Key,
    known: Box<[hmac::Key]>,
}

impl Keys {
    /// Keys from secrets: tickets are made with the first, and those of all are known.
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Option<Keys> {
        let known: Box<[_]> =
            secrets.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect();
        Some(Keys { making: known.first()?.clone(), known })
    }

    /// A key that nobody else has.
    pub(crate) fn random() -> Result<Keys, ring::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new())?;
        Ok(Keys { making: key.clone(), known: [key].into() })
    }

    pub(super) fn seal(&self, ticket: &Ticket) -> String {
        let identity = ticket.identity.as_deref().unwrap_or_default().as_bytes();
        let mut bytes = Vec::with_capacity(1 + NONCE + 8 + identity.len() + CODE);
        bytes.push(VERSION);
        bytes.extend_from_slice(&ticket.nonce);
        bytes.extend_from_slice(&ticket.expires.to_be_bytes());
        bytes.extend_from_slice(identity);
        let code = hmac::sign(&self.making, &[PURPOSE, &bytes].concat());
        bytes.extend_from_slice(code.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a ticket says; `None` if none of these keys made it.
    pub(super) fn open(&self, text: &str) -> Option<Ticket> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (said, code) = bytes.split_at_checked(bytes.len().checked_sub(CODE)?)?;
        let signed = [PURPOSE, said].concat();
        self.known.iter().find(|key| hmac::verify(key, &signed, code).is_ok())?;
        let (&VERSION, rest) = said.split_first()? else { return None };
        let (nonce, rest) = rest.split_first_chunk()?;
        let (expires, identity) = rest.split_first_chunk()?;
        let identity = std::str::from_utf8(identity).ok().filter(|identity| !identity.is_empty());
        Some(Ticket {
            nonce: *nonce,
            expires: u64::from_be_bytes(*expires),
            identity: identity.map(Arc::from),
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not derived: a key does not belong in a log.
        write!(f, "{} keys", self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "the secret of last year, long enough";
    const NEW: &str = "the secret of this year, long enough";

    fn keys(secrets: &[&'static str]) -> Keys {
        Keys::new(secrets.iter().copied()).unwrap()
    }

    #[test]
    fn is_known_by_those_who_have_the_secret() {
        let ticket = Ticket::new(1_000, Some("alice")).unwrap();
        let sealed = keys(&[OLD]).seal(&ticket);
        assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{sealed}");
        assert_eq!(keys(&[OLD]).open(&sealed), Some(ticket.clone()));
        assert_eq!(keys(&[NEW, OLD]).open(&sealed), Some(ticket.clone()));
        assert_eq!(keys(&[NEW]).open(&sealed), None);
        assert_eq!(
            keys(&[OLD]).open(&keys(&[NEW, OLD]).seal(&ticket)),
            None,
            "the first secret makes tickets"
        );
        assert_eq!(Keys::random().unwrap().open(&sealed), None);
        let random = Keys::random().unwrap();
        assert_eq!(random.open(&random.seal(&ticket)), Some(ticket));
    }

    #[test]
    fn no_two_are_alike() {
        let [one, other] = [(); 2].map(|()| Ticket::new(1, None).unwrap());
        assert_ne!(one.nonce, other.nonce);
        assert_eq!(keys(&[OLD]).open(&keys(&[OLD]).seal(&one)), Some(one));
        assert!(Keys::new(std::iter::empty()).is_none());
    }

    proptest! {
        #[test]
        fn whoever_changes_anything_has_none(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_-]") {
            let keys = keys(&[OLD]);
            let ticket = Ticket { nonce: [7; NONCE], expires: 5, identity: Some("alice".into()) };
            let mut sealed = keys.seal(&ticket);
            let at = at.index(sealed.len());
            prop_assume!(sealed[at..=at] != to);
            sealed.replace_range(at..=at, &to);
            prop_assert_eq!(keys.open(&sealed), None);
        }

        #[test]
        fn reads_anything(text in "\\PC{0,200}") {
            prop_assert_eq!(keys(&[OLD]).open(&text), None);
        }
    }
}
