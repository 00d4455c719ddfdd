//! The path of a request, cut into segments and decoded once, so that what is matched is what is authorised and sent.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Most segments of a path. No template comes near it.
const MAX_SEGMENTS: usize = 128;

/// The segments between the slashes of a path.
///
/// The path is split at its own slashes first; an escaped one never splits. Paths that a server could read in two ways
/// have no segments: with an empty segment, with a dot segment (also behind an escaped slash), with a NUL, or with
/// escapes that give no UTF-8.
#[derive(Debug)]
pub(super) struct Path<'a> {
    segments: Vec<Segment<'a>>,
}

#[derive(Debug)]
struct Segment<'a> {
    raw: &'a str,
    decoded: Cow<'a, str>,
}

impl<'a> Path<'a> {
    /// Reads a path without its query. `None` when it is one that no template takes.
    pub(super) fn parse(path: &'a str) -> Option<Path<'a>> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            return Some(Path { segments: Vec::new() });
        }
        if memchr::memchr_iter(b'/', path.as_bytes()).count() >= MAX_SEGMENTS {
            return None;
        }
        let segments = path.split('/').map(Segment::parse).collect::<Option<_>>()?;
        Some(Path { segments })
    }

    /// The same path without the verb behind the last raw colon, and that verb; `None` when there is no such colon or
    /// no segment would be left before it.
    pub(super) fn split_verb(&self) -> Option<(Path<'a>, Cow<'a, str>)> {
        let (last, before) = self.segments.split_last()?;
        let (segment, verb) = last.raw.rsplit_once(':')?;
        let verb = Segment::parse(verb)?.decoded;
        let segment = Segment::parse(segment)?;
        let copy = |segment: &Segment<'a>| Segment { raw: segment.raw, decoded: segment.decoded.clone() };
        let segments = before.iter().map(copy).chain([segment]).collect();
        Some((Path { segments }, verb))
    }

    /// How many segments there are.
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The segment at this place, decoded.
    pub(super) fn get(&self, at: usize) -> Option<&str> {
        self.segments.get(at).map(|segment| &*segment.decoded)
    }

    /// The value of a variable that takes these segments.
    ///
    /// Of exactly one segment every escape is decoded. Of several an escaped slash stays as it is, so that it differs
    /// from the slashes between them (http.proto, "the server side does the reverse decoding, except %2F").
    pub(super) fn value(&self, range: std::ops::Range<usize>, one_segment: bool) -> Cow<'_, str> {
        let segments = self.segments.get(range).unwrap_or_default();
        match segments {
            [only] if one_segment => Cow::Borrowed(&*only.decoded),
            [only] if !only.decoded.contains('/') => Cow::Borrowed(&*only.decoded),
            _ => {
                let mut value = String::new();
                for (at, segment) in segments.iter().enumerate() {
                    if at > 0 {
                        value.push('/');
                    }
                    segment.push_keeping_slashes(&mut value);
                }
                Cow::Owned(value)
            }
        }
    }
}

impl<'a> Segment<'a> {
    fn parse(raw: &'a str) -> Option<Segment<'a>> {
        let decoded = if raw.contains('%') {
            // A `%` that begins no escape would stay as it is, and be decoded by the next one to read the path.
            check_escapes(raw)?;
            percent_decode_str(raw).decode_utf8().ok()?
        } else {
            Cow::Borrowed(raw)
        };
        let is_dots = |part: &str| matches!(part, "." | "..");
        let plain =
            !decoded.is_empty() && !decoded.contains('\0') && !decoded.split(['/', '\\']).any(is_dots);
        plain.then_some(Segment { raw, decoded })
    }

    fn push_keeping_slashes(&self, value: &mut String) {
        if !self.decoded.contains('/') {
            value.push_str(&self.decoded);
            return;
        }
        let mut rest = self.raw;
        while let Some(at) = rest.find("%2F").into_iter().chain(rest.find("%2f")).min() {
            let (before, slash) = rest.split_at(at);
            value.push_str(&percent_decode_str(before).decode_utf8_lossy());
            let (slash, after) = slash.split_at(3);
            value.push_str(slash);
            rest = after;
        }
        value.push_str(&percent_decode_str(rest).decode_utf8_lossy());
    }
}

fn check_escapes(raw: &str) -> Option<()> {
    let mut escapes = raw.split('%').skip(1);
    let is_escape =
        |text: &str| text.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    escapes.all(is_escape).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_each_segment_once() {
        let check = |text: &str, want: &[&str]| {
            let path = Path::parse(text).unwrap();
            let segments: Vec<_> = (0..path.len()).map(|at| path.get(at).unwrap()).collect();
            assert_eq!(segments, want, "{text}");
        };
        check("/", &[]);
        check("/a/b", &["a", "b"]);
        check("/a%2Fb/c%20d", &["a/b", "c d"]);
        check("/%252F", &["%2F"]);
        check("/%E2%98%BA+", &["☺+"]);
        check("/...", &["..."]);
        check("/a:b", &["a:b"]);
    }

    #[test]
    fn takes_no_path_that_could_be_read_in_two_ways() {
        for bad in [
            "",
            "a",
            "*",
            "//",
            "/a/",
            "/a//b",
            "/.",
            "/a/..",
            "/%2e%2E/a",
            "/.%2e",
            "/a%2F..%2Fb",
            "/a%2f%2e",
            "/a%5C..",
            "/a%00b",
            "/%00",
            "/%ff",
            "/%e2%98",
            "/%",
            "/%2",
            "/%zz",
            "/a%2",
        ] {
            assert!(Path::parse(bad).is_none(), "{bad}");
        }
        assert!(Path::parse(&"/a".repeat(MAX_SEGMENTS)).is_some());
        assert!(Path::parse(&"/a".repeat(MAX_SEGMENTS + 1)).is_none());
    }

    #[test]
    fn splits_the_verb_at_a_raw_colon() {
        let check = |text: &str, want: Option<(&str, &str)>| {
            let path = Path::parse(text).unwrap();
            let split = path.split_verb();
            let seen = split.as_ref().map(|(path, verb)| (path.get(path.len() - 1).unwrap(), &**verb));
            assert_eq!(seen, want, "{text}");
        };
        check("/", None);
        check("/a", None);
        check("/a:run", Some(("a", "run")));
        check("/a:b:run", Some(("a:b", "run")));
        check("/a%3Arun", None);
        check("/a%3Ab:run", Some(("a:b", "run")));
        check("/:run", None);
        check("/a:", None);
        check("/a:b/c", None);
        check("/..:run".replace("..", "x").as_str(), Some(("x", "run")));
    }

    #[test]
    fn a_verb_hides_no_dot_segment() {
        assert!(Path::parse("/a/..:run").unwrap().split_verb().is_none());
    }

    #[test]
    fn keeps_escaped_slashes_of_several_segments() {
        let check = |text: &str, one: bool, want: &str| {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.value(0..path.len(), one), want, "{text}");
        };
        check("/a%2Fb%20c", true, "a/b c");
        check("/a%2Fb%20c", false, "a%2Fb c");
        check("/a%2Fb/c%2f%2Fd/%41", false, "a%2Fb/c%2f%2Fd/A");
        check("/a/b", false, "a/b");
        check("/", false, "");
        // What was escaped twice is decoded once, here as there.
        check("/a%252Fb", true, "a%2Fb");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[/%2F.a:é0]{0,24}|(?s).{0,24}") {
            if let Some(path) = Path::parse(&text) {
                path.split_verb();
                path.value(0..path.len(), false);
                path.value(0..path.len(), true);
            }
        }
    }
}
