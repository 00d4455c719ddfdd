//! Cuts a body into the JSON values in it, of which it holds one at a time.
//!
//! A body is one array, whose elements are the values, or it is values one after the other, as in NDJSON
//! (`application/x-ndjson`) and JSON text sequences (RFC 7464). What a value holds is not checked here.

use super::error::bad_request;
use crate::status::Status;

/// Where a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first value, or the `[` of an array.
    Start,
    /// In an array before its first element, or its end.
    First,
    /// In an array behind a comma.
    Next,
    /// In an array behind an element.
    Behind,
    /// Between values that stand in no array.
    Between,
    /// In a value.
    Value,
    /// Behind the array.
    Ended,
}

/// What is known of the value that has begun.
#[derive(Clone, Copy, Debug, Default)]
struct Inside {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

/// Cuts one body.
#[derive(Debug)]
pub(super) struct Splitter {
    /// Whether the body may be an array of the values.
    takes_array: bool,
    in_array: bool,
    state: State,
    inside: Inside,
    value: Vec<u8>,
    limit: usize,
}

impl Splitter {
    /// `limit` is the most bytes of one value.
    pub(super) fn new(takes_array: bool, limit: usize) -> Splitter {
        Splitter {
            takes_array,
            in_array: false,
            state: State::Start,
            inside: Inside::default(),
            value: Vec::new(),
            limit,
        }
    }

    /// Changes the most bytes of one value.
    pub(super) fn limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes the next bytes, and gives each value that ends in them to `emit`.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        emit: &mut dyn FnMut(Vec<u8>) -> Result<(), Status>,
    ) -> Result<(), Status> {
        bytes.iter().try_for_each(|&byte| self.byte(byte, emit))
    }

    /// The body ends.
    pub(super) fn end(&mut self, emit: &mut dyn FnMut(Vec<u8>) -> Result<(), Status>) -> Result<(), Status> {
        // A number or a word ends where the body does.
        if self.state == State::Value && !self.in_array && self.inside.depth == 0 && !self.inside.in_string {
            self.finish(emit)?;
        }
        match self.state {
            State::Start | State::Between | State::Ended => Ok(()),
            _ => Err(bad_request("the body ends inside of a value")),
        }
    }

    fn byte(&mut self, byte: u8, emit: &mut dyn FnMut(Vec<u8>) -> Result<(), Status>) -> Result<(), Status> {
        if self.state == State::Value {
            let is_scalar = self.inside.depth == 0 && !self.inside.in_string;
            if !(is_scalar && ends_scalar(byte)) {
                return self.value_byte(byte, emit);
            }
            self.finish(emit)?;
        }
        if is_blank(byte) {
            return Ok(());
        }
        self.state = match (self.state, byte) {
            (State::Start, b'[') if self.takes_array => {
                self.in_array = true;
                State::First
            }
            (State::First | State::Behind, b']') => State::Ended,
            (State::Behind, b',') => State::Next,
            (State::First | State::Next, b',') | (State::Next, b']') => {
                return Err(bad_request("the body has a comma without a value"));
            }
            (State::Start | State::Between | State::First | State::Next, _) => {
                self.state = State::Value;
                return self.value_byte(byte, emit);
            }
            (State::Behind, _) => {
                return Err(bad_request("the body has something other than `,` or `]` between values"));
            }
            _ => return Err(bad_request("the body goes on behind the end of its array")),
        };
        Ok(())
    }

    fn value_byte(
        &mut self,
        byte: u8,
        emit: &mut dyn FnMut(Vec<u8>) -> Result<(), Status>,
    ) -> Result<(), Status> {
        if self.value.len() >= self.limit {
            let what = format!("a message of the body is larger than the limit of {} bytes", self.limit);
            return Err(Status::resource_exhausted(what));
        }
        self.value.push(byte);
        let inside = &mut self.inside;
        let mut ends = false;
        match byte {
            _ if inside.escaped => inside.escaped = false,
            b'\\' if inside.in_string => inside.escaped = true,
            b'"' => {
                inside.in_string = !inside.in_string;
                ends = !inside.in_string && inside.depth == 0;
            }
            _ if inside.in_string => {}
            b'{' | b'[' => inside.depth += 1,
            b'}' | b']' => {
                let depth = inside.depth.checked_sub(1);
                inside.depth =
                    depth.ok_or_else(|| bad_request("the body has a bracket that closes nothing"))?;
                ends = inside.depth == 0;
            }
            _ => {}
        }
        if ends { self.finish(emit) } else { Ok(()) }
    }

    fn finish(&mut self, emit: &mut dyn FnMut(Vec<u8>) -> Result<(), Status>) -> Result<(), Status> {
        self.inside = Inside::default();
        self.state = if self.in_array { State::Behind } else { State::Between };
        emit(std::mem::take(&mut self.value))
    }
}

/// White space, and the record separator of JSON text sequences.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x1e)
}

fn ends_scalar(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b',' | b']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::feed_in_every_split;

    /// The values, then `!` and why it went wrong.
    fn split(body: &str, takes_array: bool, limit: usize) -> Vec<String> {
        feed_in_every_split(body.as_bytes(), |pieces| {
            let mut splitter = Splitter::new(takes_array, limit);
            let mut values = Vec::new();
            let mut emit = |value| {
                values.push(String::from_utf8(value).unwrap());
                Ok(())
            };
            let fed = pieces.iter().try_for_each(|piece| splitter.push(piece, &mut emit));
            if let Err(status) = fed.and_then(|()| splitter.end(&mut emit)) {
                values.push(format!("!{}", status.message));
            }
            values
        })
    }

    #[test]
    fn cuts_sequences_and_arrays() {
        let check = |body: &str, want: &[&str]| assert_eq!(split(body, true, 99), want, "{body}");
        check("", &[]);
        check(" \n", &[]);
        check("{}", &["{}"]);
        check("{\"a\":1}\n{\"a\":2}\n", &["{\"a\":1}", "{\"a\":2}"]);
        check("\x1e{}\n\x1e{}\n", &["{}", "{}"]);
        check("{}{} {}", &["{}", "{}", "{}"]);
        check(r#"{"a":"}\"]\\"} "x" 12 null"#, &[r#"{"a":"}\"]\\"}"#, r#""x""#, "12", "null"]);
        check("[]", &[]);
        check(" [ ] ", &[]);
        check("[{},{\"a\":[1,{}]} , 7,\"x\",[1] ]\n", &["{}", "{\"a\":[1,{}]}", "7", "\"x\"", "[1]"]);
        check("7", &["7"]);
        assert_eq!(split("[1,2]\n[3]", false, 99), ["[1,2]", "[3]"]);
    }

    #[test]
    fn refuses_what_is_no_sequence() {
        let check = |body: &str, want: &[&str]| assert_eq!(split(body, true, 8), want, "{body}");
        let inside = "!the body ends inside of a value";
        check("[", &[inside]);
        check("[{}", &["{}", inside]);
        check("[{},", &["{}", inside]);
        check("{\"a\":", &[inside]);
        check("\"a", &[inside]);
        check("[7", &[inside]);
        check("[{} {}", &["{}", "!the body has something other than `,` or `]` between values"]);
        check("[]x", &["!the body goes on behind the end of its array"]);
        check("[,]", &["!the body has a comma without a value"]);
        check("[7,]", &["7", "!the body has a comma without a value"]);
        check("}", &["!the body has a bracket that closes nothing"]);
        check("{\"abcdefgh\":1}", &["!a message of the body is larger than the limit of 8 bytes"]);
        check(
            "[{\"a\":1},{\"a\":222}]",
            &["{\"a\":1}", "!a message of the body is larger than the limit of 8 bytes"],
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(body in "[\\[\\]{},\"\\\\ a1\n]{0,24}", takes_array in proptest::prelude::any::<bool>()) {
            split(&body, takes_array, 8);
        }
    }
}
