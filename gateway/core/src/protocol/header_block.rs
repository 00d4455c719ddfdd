//! Blocks of `name: value` lines, each ended by CRLF: gRPC-Web's trailers, and every block of gRPC over WebTransport.
//!
//! There is no blank line at the end, and no folding.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::message::PREFIX;

/// A frame around the block that `write` writes: flag, length, block.
pub(super) fn frame(flag: u8, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut frame = BytesMut::zeroed(PREFIX);
    write(&mut frame);
    // Headers that were received or configured stay far below 4 GiB.
    let [a, b, c, d] = u32::try_from(frame.len() - PREFIX).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(prefix) = frame.first_chunk_mut::<PREFIX>() {
        *prefix = [flag, a, b, c, d];
    }
    frame.freeze()
}

/// Writes a line for every entry, several of one name in their order.
///
/// Values stay as they are: what HTTP allows in a field cannot end a line. Only the padding of `-bin` values goes, as
/// gRPC asks of senders.
pub(super) fn write(headers: &HeaderMap, block: &mut BytesMut) {
    for (name, value) in headers {
        write_line(name, value, block);
    }
}

/// Writes one line.
pub(super) fn write_line(name: &HeaderName, value: &HeaderValue, block: &mut BytesMut) {
    block.put_slice(name.as_str().as_bytes());
    block.put_slice(b": ");
    if name.as_str().ends_with("-bin") {
        // Several values may be joined by commas, so the padding is not only at the end.
        value.as_bytes().split(|&byte| byte == b'=').for_each(|part| block.put_slice(part));
    } else {
        block.put_slice(value.as_bytes());
    }
    block.put_slice(b"\r\n");
}

/// A line as it was read: the name with its leading colon if it has one, the value without white space around it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// The lines of a block. `None` stands for the first line that is none, and nothing follows it.
///
/// Names are checked: lower-case, and of the characters that gRPC allows. Values are not: [`HeaderValue`] does that.
pub(super) fn lines(block: &[u8]) -> impl Iterator<Item = Option<Line<'_>>> {
    let mut rest = Some(block).filter(|block| !block.is_empty());
    std::iter::from_fn(move || {
        let block = rest.take()?;
        let Some(end) = memchr::memmem::find(block, b"\r\n") else { return Some(None) };
        let (line, after) = block.split_at(end);
        let line = parse(line);
        if line.is_some() {
            rest = after.get(2..).filter(|after| !after.is_empty());
        }
        Some(line)
    })
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    let pseudo = usize::from(line.first() == Some(&b':'));
    let colon = pseudo + memchr::memchr(b':', line.get(pseudo..)?)?;
    let (name, value) = line.split_at_checked(colon)?;
    let plain = name.get(pseudo..)?;
    let is_name = !plain.is_empty()
        && plain.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'_' | b'.' | b'-'));
    is_name.then_some(Line { name, value: trim(value.get(1..)?) })
}

/// Without the spaces and tabs around it; `trim_ascii` would take line breaks too.
fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(block: &str, want: &[Option<(&str, &str)>]) {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let seen: Vec<_> = lines(block.as_bytes())
            .map(|line| line.map(|line| (text(line.name), text(line.value))))
            .collect();
        assert_eq!(seen, want, "{block:?}");
    }

    #[test]
    fn reads_lines() {
        check("", &[]);
        check("a: b\r\n", &[Some(("a", "b"))]);
        check("a:b\r\na: \t c d \r\n", &[Some(("a", "b")), Some(("a", "c d"))]);
        check(":path: /a/b\r\nx_1.y-z: a:b\r\n", &[Some((":path", "/a/b")), Some(("x_1.y-z", "a:b"))]);
        check("empty:\r\n", &[Some(("empty", ""))]);
        // The caller refuses such a value.
        check("a: b\nc\r\n", &[Some(("a", "b\nc"))]);
    }

    #[test]
    fn stops_at_what_is_no_line() {
        for bad in [
            "a: b",
            "\r\n",
            "a\r\n",
            ": b\r\n",
            "::a: b\r\n",
            "A: b\r\n",
            "a b: c\r\n",
            " a: b\r\n",
            "a: b\n",
        ] {
            check(bad, &[None]);
        }
        check("a: b\r\n\r\nc: d\r\n", &[Some(("a", "b")), None]);
        check("a: b\r\n folded\r\n", &[Some(("a", "b")), None]);
    }

    #[test]
    fn writes_what_it_reads_but_for_padding() {
        let mut headers = HeaderMap::new();
        headers.append("x-bin", HeaderValue::from_static("YQ==,YWI="));
        headers.append("x-a", HeaderValue::from_static("1=1"));
        headers.append("x-a", HeaderValue::from_static("2"));
        let mut block = BytesMut::new();
        write(&headers, &mut block);
        assert_eq!(&block[..], b"x-bin: YQ,YWI\r\nx-a: 1=1\r\nx-a: 2\r\n");
    }
}
