//! Reads the files in `tests/vectors`; its README says what they mean.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;

/// Names and values, sorted by name; values of one name in their order.
pub(crate) type Lines = Vec<(String, String)>;

/// The sections of a file.
pub(crate) struct Vector {
    sections: HashMap<String, Vec<String>>,
}

const SECTIONS: [&str; 20] = [
    "request line",
    "headers",
    "no schema",
    "limits",
    "request",
    "messages",
    "windows",
    "no fin",
    "call",
    "frames",
    "refused",
    "upstream head",
    "upstream frames",
    "upstream end",
    "upstream breaks",
    "drains",
    "late",
    "response head",
    "response",
    "reset",
];

impl Vector {
    pub(crate) fn read(path: &Path) -> Vector {
        let mut sections = HashMap::new();
        let mut current = None;
        for line in std::fs::read_to_string(path).unwrap().lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                assert!(SECTIONS.contains(&name), "no section is called `{name}`");
                assert!(sections.insert(name.to_owned(), Vec::new()).is_none(), "[{name}] stands twice");
                current = Some(name.to_owned());
            } else {
                let section = current.as_ref().expect("text before the first section");
                sections.get_mut(section).unwrap().push(line.to_owned());
            }
        }
        Vector { sections }
    }

    pub(crate) fn has(&self, section: &str) -> bool {
        assert!(SECTIONS.contains(&section));
        self.sections.contains_key(section)
    }

    /// The names and values of a section, if the file has it.
    pub(crate) fn lines(&self, section: &str) -> Option<Lines> {
        let split = |line: &String| {
            // A pseudo name starts with a colon of its own.
            let colon = 1 + line[1..].find(':').unwrap_or_else(|| panic!("no `name: value`: {line}"));
            (line[..colon].to_owned(), line[colon + 1..].trim().to_owned())
        };
        Some(sorted(self.sections.get(section)?.iter().map(split).collect()))
    }

    /// The value of the only line with this name.
    pub(crate) fn value(&self, section: &str, name: &str) -> Option<String> {
        let lines = self.lines(section)?;
        lines.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The number that this line has, decimal or after `0x`.
    pub(crate) fn number(&self, section: &str, name: &str) -> Option<u32> {
        let value = self.value(section, name)?;
        let number = match value.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => value.parse(),
        };
        Some(number.unwrap_or_else(|_| panic!("no number: {value}")))
    }

    /// The bytes of each line of a section; none if the file does not have it.
    pub(crate) fn chunks(&self, section: &str) -> Vec<Bytes> {
        let lines = self.sections.get(section).into_iter().flatten();
        lines.map(|line| bytes(line).into()).collect()
    }

    /// The bytes of a section.
    pub(crate) fn bytes(&self, section: &str) -> Vec<u8> {
        self.chunks(section).concat()
    }
}

/// In the order of the names, which are all that is sorted.
pub(crate) fn sorted(mut lines: Lines) -> Lines {
    lines.sort_by(|(left, _), (right, _)| left.cmp(right));
    lines
}

fn bytes(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        if let Some(text) = rest.strip_prefix('"') {
            let (mut text, after) = quoted(text);
            rest = after.trim_start();
            if let Some(after) = rest.strip_prefix('*') {
                let (count, after) = word(after.trim_start());
                text = text.repeat(count.parse().expect("a count after `*`"));
                rest = after;
            }
            bytes.extend(text);
        } else {
            let (pair, after) = word(rest);
            assert_eq!(pair.len(), 2, "two hexadecimal digits make a byte: {line}");
            bytes.push(u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("not hexadecimal: {line}")));
            rest = after;
        }
        rest = rest.trim_start();
    }
    bytes
}

fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(' ').unwrap_or(text.len()))
}

/// The bytes up to the closing quote, and what follows it.
fn quoted(text: &str) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut rest = text.char_indices();
    while let Some((at, char)) = rest.next() {
        match char {
            '"' => return (bytes, &text[at + 1..]),
            '\\' => bytes.push(match rest.next().map(|(_, char)| char) {
                Some('r') => b'\r',
                Some('n') => b'\n',
                Some('t') => b'\t',
                Some(char @ ('"' | '\\')) => char as u8,
                Some('x') => {
                    let hex: String = rest.by_ref().take(2).map(|(_, char)| char).collect();
                    u8::from_str_radix(&hex, 16).unwrap_or_else(|_| panic!("no byte: \\x{hex}"))
                }
                other => panic!("no escape: {other:?}"),
            }),
            char => bytes.extend(char.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    panic!("no closing quote: {text}")
}

#[test]
fn reads_bytes() {
    assert_eq!(
        bytes(r#"00 ff "a#b\r\n\"\\\x00é" * 1 "xy"*2 0a # "no""#),
        b"\x00\xffa#b\r\n\"\\\0\xc3\xa9xyxy\n"
    );
    assert_eq!(bytes(""), b"");
}
