//! Path templates: which paths a binding takes, and which parts of them are fields of the request.
//!
//! ```text
//! Template = "/" [ Segment { "/" Segment } ] [ ":" Verb ]
//! Segment  = "*" | "**" | Literal | "{" Field { "." Field } [ "=" Segment { "/" Segment } ] "}"
//! ```
//!
//! Source: <https://github.com/googleapis/googleapis/blob/master/google/api/http.proto>, "Path template syntax".
//! `**` stands last before the verb, and variables do not nest. `/` alone is accepted too, as grpc-gateway does.

use std::fmt;
use std::ops::Range;

use percent_encoding::percent_decode_str;

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    text: Box<str>,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
    verb: Option<Box<str>>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, escapes decoded.
    Literal(Box<str>),
    /// `*`: any one segment.
    Any,
    /// `**`: all the segments that are left, be it none.
    Rest,
}

/// A part of the path that is a field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The names that lead to the field, in their proto spelling.
    pub field: Vec<Box<str>>,
    /// Its first segment.
    start: usize,
    /// Behind its last segment; `None` when it takes the rest of the path.
    end: Option<usize>,
}

impl Variable {
    /// Which of the segments of a path it takes. The path must match the template.
    pub fn range(&self, segments: usize) -> Range<usize> {
        self.start..self.end.unwrap_or(segments)
    }

    /// Whether it stands for exactly one segment. Only then an escaped slash in it is decoded.
    pub fn is_one_segment(&self) -> bool {
        self.end == Some(self.start + 1)
    }
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at} of `{template}`")]
pub struct BadTemplate {
    /// The text.
    pub template: Box<str>,
    /// Where in it, in bytes from 0.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Template, BadTemplate> {
        let mut parser = Parser { text, at: 0, segments: Vec::new(), variables: Vec::new() };
        let bad = |Bad(at, what)| BadTemplate { template: text.into(), at, what };
        let verb = parser.template().map_err(bad)?;
        Ok(Template { text: text.into(), segments: parser.segments, variables: parser.variables, verb })
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The segments, those within variables included.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The variables, in their order.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// What stands behind the last colon.
    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where and what is wrong.
struct Bad(usize, &'static str);

struct Parser<'a> {
    text: &'a str,
    at: usize,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser<'_> {
    fn template(&mut self) -> Result<Option<Box<str>>, Bad> {
        if !self.take(b'/') {
            return Err(Bad(0, "a template begins with `/`"));
        }
        if self.peek().is_none() {
            return Ok(None);
        }
        let verb_at = self.verb_at();
        loop {
            if self.peek() == Some(b'{') {
                self.variable()?
            } else {
                self.segment(verb_at)?
            }
            if !self.take(b'/') {
                break;
            }
            self.after_rest()?;
        }
        match self.peek() {
            None => Ok(None),
            Some(b':') => {
                self.at += 1;
                let verb = self.literal(self.text.len(), "a verb is expected")?;
                if self.peek().is_some() {
                    Err(Bad(self.at, "nothing may follow the verb"))
                } else {
                    Ok(Some(verb))
                }
            }
            Some(_) => Err(Bad(self.at, "`/`, a verb or the end is expected")),
        }
    }

    /// Where the verb's colon stands: the last one of the last segment, outside of a variable.
    fn verb_at(&self) -> usize {
        let last = self.text.rfind(['/', '}']).unwrap_or(0);
        let tail = self.text.get(last..).unwrap_or_default();
        tail.rfind(':').map_or(self.text.len(), |colon| last + colon)
    }

    fn segment(&mut self, verb_at: usize) -> Result<(), Bad> {
        let segment = if self.take(b'*') {
            if self.take(b'*') { Segment::Rest } else { Segment::Any }
        } else {
            Segment::Literal(self.literal(verb_at, "a segment is expected")?)
        };
        self.segments.push(segment);
        Ok(())
    }

    fn variable(&mut self) -> Result<(), Bad> {
        let brace = self.at;
        self.at += 1;
        let mut field = vec![self.name()?];
        while self.take(b'.') {
            field.push(self.name()?);
        }
        if self.variables.iter().any(|variable| variable.field == field) {
            return Err(Bad(brace, "a field is bound twice"));
        }
        let start = self.segments.len();
        if self.take(b'=') {
            loop {
                if self.peek() == Some(b'{') {
                    return Err(Bad(self.at, "variables do not nest"));
                }
                self.segment(self.text.len())?;
                if !self.take(b'/') {
                    break;
                }
                self.after_rest()?;
            }
        } else {
            self.segments.push(Segment::Any);
        }
        if !self.take(b'}') {
            return Err(Bad(self.at, "`}` is expected"));
        }
        let takes_rest = self.segments.last() == Some(&Segment::Rest);
        let end = (!takes_rest).then_some(self.segments.len());
        self.variables.push(Variable { field, start, end });
        Ok(())
    }

    fn name(&mut self) -> Result<Box<str>, Bad> {
        let start = self.at;
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        if !self.peek().is_some_and(is_letter) {
            return Err(Bad(start, "the name of a field is expected"));
        }
        while self.peek().is_some_and(|byte| is_letter(byte) || byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default().into())
    }

    /// Text of RFC 3986's `pchar`, up to `end` at most.
    fn literal(&mut self, end: usize, wanted: &'static str) -> Result<Box<str>, Bad> {
        let start = self.at;
        while self.at < end
            && let Some(byte) = self.peek()
        {
            match byte {
                b'%' => self.escape()?,
                b if b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&b) => self.at += 1,
                b'/' | b'}' | b'{' | b'*' => break,
                _ => return Err(Bad(self.at, "a character that a path cannot have")),
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if text.is_empty() {
            return Err(Bad(start, wanted));
        }
        let text = percent_decode_str(text).decode_utf8().map_err(|_| Bad(start, "an escape of no UTF-8"))?;
        if matches!(&*text, "." | "..") || text.contains('\0') {
            return Err(Bad(start, "no path has this segment"));
        }
        Ok(text.into())
    }

    fn escape(&mut self) -> Result<(), Bad> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(Bad(self.at, "two hexadecimal digits follow `%`"));
        }
        self.at += 3;
        Ok(())
    }

    fn after_rest(&self) -> Result<(), Bad> {
        match self.segments.last() {
            Some(Segment::Rest) => Err(Bad(self.at - 1, "`**` is the last segment")),
            _ => Ok(()),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments, variables and verb in one line.
    fn show(template: &Template) -> String {
        let segments: Vec<_> = template
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => &**text,
                Segment::Any => "*",
                Segment::Rest => "**",
            })
            .collect();
        let variables: Vec<_> = template
            .variables
            .iter()
            .map(|v| {
                format!("{}={}..{}", v.field.join("."), v.start, v.end.map_or("".into(), |e| e.to_string()))
            })
            .collect();
        format!("{} [{}] {:?}", segments.join(" "), variables.join(" "), template.verb().unwrap_or_default())
    }

    #[test]
    fn reads_the_whole_grammar() {
        let check = |text: &str, want: &str| {
            let template = Template::parse(text).unwrap_or_else(|bad| panic!("{bad}"));
            assert_eq!(show(&template), want, "{text}");
            assert_eq!(template.as_str(), text);
        };
        check("/", r#" [] """#);
        check("/v1/shelves", r#"v1 shelves [] """#);
        check("/v1/*/a/**", r#"v1 * a ** [] """#);
        check("/v1/{name}", r#"v1 * [name=1..2] """#);
        check("/v1/{name=*}:run", r#"v1 * [name=1..2] "run""#);
        check("/v1/{book.shelf.id}/x", r#"v1 * x [book.shelf.id=1..2] """#);
        check("/v1/{name=shelves/*/books/**}", r#"v1 shelves * books ** [name=1..] """#);
        check("/{a=x/*}/{b}:v", r#"x * * [a=0..2 b=2..3] "v""#);
        check("/{a=**}:v", r#"** [a=0..] "v""#);
        check("/v1/a:b:c", r#"v1 a:b [] "c""#);
        check("/v1:x/a", r#"v1:x a [] """#);
        check("/v1/**:purge", r#"v1 ** [] "purge""#);
        check("/v1/a%20b/%7Bx", r#"v1 a b {x [] """#);
        check("/v1/-._~!$&'()+,;=@", r#"v1 -._~!$&'()+,;=@ [] """#);
    }

    #[test]
    fn says_where_it_is_wrong() {
        let check = |text: &str, at: usize, what: &str| {
            let bad = Template::parse(text).unwrap_err();
            assert_eq!((bad.at, bad.what), (at, what), "{text}");
        };
        check("", 0, "a template begins with `/`");
        check("v1", 0, "a template begins with `/`");
        check("//a", 1, "a segment is expected");
        check("/a/", 3, "a segment is expected");
        check("/a:", 3, "a verb is expected");
        check("/:a", 1, "a segment is expected");
        check("/**/a", 3, "`**` is the last segment");
        check("/{a=**/b}", 6, "`**` is the last segment");
        check("/{a=**}/b", 7, "`**` is the last segment");
        check("/***", 3, "`/`, a verb or the end is expected");
        check("/a*", 2, "`/`, a verb or the end is expected");
        check("/*a", 2, "`/`, a verb or the end is expected");
        check("/{a}b", 4, "`/`, a verb or the end is expected");
        check("/{a={b}}", 4, "variables do not nest");
        check("/{}", 2, "the name of a field is expected");
        check("/{a.}", 4, "the name of a field is expected");
        check("/{1a}", 2, "the name of a field is expected");
        check("/{a", 3, "`}` is expected");
        check("/{a=b", 5, "`}` is expected");
        check("/{a=}", 4, "a segment is expected");
        check("/a}", 2, "`/`, a verb or the end is expected");
        check("/a b", 2, "a character that a path cannot have");
        check("/a?b", 2, "a character that a path cannot have");
        check("/ä", 1, "a character that a path cannot have");
        check("/a%2", 2, "two hexadecimal digits follow `%`");
        check("/%ff", 1, "an escape of no UTF-8");
        check("/a/../b", 3, "no path has this segment");
        check("/%2e", 1, "no path has this segment");
        check("/{a}/{a}", 5, "a field is bound twice");
        check("/a:b{c}", 4, "`/`, a verb or the end is expected");
        check("/a:b*", 4, "nothing may follow the verb");
        assert_eq!(
            Template::parse("/a b").unwrap_err().to_string(),
            "a character that a path cannot have at byte 2 of `/a b`"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[/*{}a.:=%2é]{0,24}|(?s).{0,24}") {
            if let Ok(template) = Template::parse(&text) {
                for variable in template.variables() {
                    let range = variable.range(template.segments().len());
                    proptest::prop_assert!(template.segments().get(range).is_some());
                }
            }
        }
    }
}
