//! The subprotocols that a client offers, and the one that a server chooses.
//!
//! The fields' names are part of the table of drafts. Their values are structured fields (RFC 9651): a list of strings,
//! of tokens in the older drafts. As a client we do as browsers do: new names and strings, whatever the draft.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::dialect::subprotocol_fields;

/// More protocols than anyone offers; the rest is not read.
const MAX_OFFERED: usize = 32;

/// The protocols in the order in which the client prefers them.
pub(super) fn offered(headers: &HeaderMap) -> Vec<String> {
    items(headers).map(|item| item.name).take(MAX_OFFERED).collect()
}

/// The field that tells the client of the choice, written as the client wrote it. `None` if it did not offer it.
pub(super) fn answer(headers: &HeaderMap, chosen: &str) -> Option<(HeaderName, HeaderValue)> {
    let item = items(headers).take(MAX_OFFERED).find(|item| item.name == chosen)?;
    let value = if item.is_string { quoted(chosen) } else { chosen.to_owned() };
    Some((HeaderName::from_static(item.answer), HeaderValue::try_from(value).ok()?))
}

/// The field that offers these, the one preferred first. What no string of RFC 9651 can hold is left out.
pub(crate) fn offer(protocols: &[String]) -> Option<(HeaderName, HeaderValue)> {
    let is_printable = |name: &&String| name.bytes().all(|byte| matches!(byte, 0x20..0x7f));
    let members: Vec<String> = protocols.iter().filter(is_printable).map(|name| quoted(name)).collect();
    let value = HeaderValue::try_from(members.join(", ")).ok().filter(|value| !value.is_empty())?;
    let (offer, _) = subprotocol_fields().next()?;
    Some((HeaderName::from_static(offer), value))
}

/// What a server has chosen, if anything.
pub(crate) fn chosen(headers: &HeaderMap) -> Option<String> {
    let values = subprotocol_fields().filter_map(|(_, answer)| headers.get(answer)?.to_str().ok());
    values.flat_map(Members).map(|(name, _)| name).next()
}

/// These header fields without those that tell of a choice, which only [`answer`] may.
pub(super) fn without_answers(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for (_, answer) in subprotocol_fields() {
        headers.remove(answer);
    }
    headers
}

/// A string of RFC 9651.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A member of the list.
struct Item {
    name: String,
    is_string: bool,
    answer: &'static str,
}

fn items(headers: &HeaderMap) -> impl Iterator<Item = Item> {
    subprotocol_fields().flat_map(move |(offer, answer)| {
        let values = headers.get_all(offer).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(Members).map(move |(name, is_string)| Item { name, is_string, answer })
    })
}

/// The members of a structured-field list that are strings or tokens. It ends at the first that is neither.
struct Members<'a>(&'a str);

impl Iterator for Members<'_> {
    type Item = (String, bool);

    fn next(&mut self) -> Option<(String, bool)> {
        let text = self.0.trim_start_matches([' ', '\t', ',']);
        let (name, is_string, rest) = match text.strip_prefix('"') {
            Some(text) => {
                let (name, rest) = string(text)?;
                (name, true, rest)
            }
            None => {
                let end = text.find([' ', '\t', ',', ';', '"']).unwrap_or(text.len());
                let (name, rest) = text.split_at_checked(end)?;
                (name.to_owned(), false, rest)
            }
        };
        if name.is_empty() {
            return None;
        }
        // Parameters have no meaning here. A comma within a parameter's string ends them early, which is harmless:
        // what follows is but another name that nobody chooses.
        self.0 = rest.find(',').and_then(|comma| rest.get(comma..)).unwrap_or_default();
        Some((name, is_string))
    }
}

/// The string up to its closing quote, and what follows.
fn string(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name, text.get(at + 1..)?)),
            '\\' => name.push(characters.next()?.1),
            other => name.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn answers_as_it_was_asked() {
        let check = |name, value, names: &[&str], field, written: &str| {
            let headers = headers(name, value);
            assert_eq!(offered(&headers), names);
            let (answer, text) = answer(&headers, names[0]).unwrap();
            assert_eq!((answer.as_str(), text.to_str().unwrap()), (field, written));
        };
        let quoted = r#""grpc-wt-1", "other";q=1"#;
        check("wt-available-protocols", quoted, &["grpc-wt-1", "other"], "wt-protocol", "\"grpc-wt-1\"");
        check("wt-available-protocols", "a , b;x=\"y\"", &["a", "b"], "wt-protocol", "a");
        let old = "webtransport-subprotocols-available";
        check(old, "a,b", &["a", "b"], "webtransport-subprotocol", "a");
        check("wt-available-protocols", r#""q\"u\\""#, &[r#"q"u\"#], "wt-protocol", r#""q\"u\\""#);
    }

    #[test]
    fn answers_only_what_was_offered() {
        assert!(answer(&headers("wt-available-protocols", "a"), "b").is_none());
        assert!(answer(&HeaderMap::new(), "b").is_none());
        assert!(offered(&headers("wt-available-protocols", "\"open")).is_empty());
        assert!(offered(&headers("wt-available-protocols", " , ")).is_empty());
    }

    #[test]
    fn offers_what_a_server_can_choose() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (name, value) = offer(&names(&["a", "no\nstring", "q\"u\\", "c"])).unwrap();
        assert_eq!(
            (name.as_str(), value.to_str().unwrap()),
            ("wt-available-protocols", r#""a", "q\"u\\", "c""#)
        );
        let offer_fields = HeaderMap::from_iter([(name, value)]);
        assert_eq!(offered(&offer_fields), ["a", "q\"u\\", "c"]);
        let answered = HeaderMap::from_iter(answer(&offer_fields, "q\"u\\"));
        assert_eq!(chosen(&answered).as_deref(), Some("q\"u\\"));
        assert_eq!(chosen(&headers("webtransport-subprotocol", "a")).as_deref(), Some("a"));
        assert_eq!(chosen(&headers("wt-protocol", "\"open")), None);
        assert_eq!(chosen(&HeaderMap::new()), None);
        assert!(offer(&[]).is_none() && offer(&names(&["\n"])).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(value in "[ -~]{0,60}") {
            let headers = headers("wt-available-protocols", &value);
            for name in offered(&headers) {
                prop_assert!(answer(&headers, &name).is_some());
            }
        }
    }
}
