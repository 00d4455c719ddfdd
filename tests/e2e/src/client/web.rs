//! What gRPC-Web adds to bytes: base64 in runs, and header blocks inside the body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Decodes base64 that was encoded piece by piece, so that padding may stand anywhere between two groups of four.
#[derive(Debug, Default)]
pub(super) struct Base64Runs(Vec<u8>);

impl Base64Runs {
    pub(super) fn decode(&mut self, text: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(text);
        let whole: Vec<u8> = self.0.drain(..self.0.len() / 4 * 4).collect();
        let mut bytes = Vec::with_capacity(whole.len());
        let mut rest = whole.as_slice();
        while !rest.is_empty() {
            // A run ends with the group that is padded.
            let run = match rest.iter().position(|&byte| byte == b'=') {
                Some(padding) => padding / 4 * 4 + 4,
                None => rest.len(),
            };
            let (run, tail) = rest.split_at(run);
            bytes.extend(STANDARD.decode(run).expect("the gateway sends padded base64"));
            rest = tail;
        }
        bytes
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads `name: value` lines, each ended by CRLF, with lower-case names.
pub(super) fn parse_block(block: &[u8]) -> HeaderMap {
    let text = std::str::from_utf8(block).expect("a header block is ASCII");
    let mut fields = HeaderMap::new();
    let Some(text) = text.strip_suffix("\r\n") else {
        assert!(text.is_empty(), "every line ends with CRLF: {text:?}");
        return fields;
    };
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no colon in {line:?}"));
        assert_eq!(name, name.to_ascii_lowercase(), "names are lower-case");
        fields.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value.trim()).unwrap(),
        );
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_runs_in_every_split() {
        let text = [STANDARD.encode("a"), STANDARD.encode("bcd"), STANDARD.encode("ef")].concat();
        for cut in 0..=text.len() {
            let mut runs = Base64Runs::default();
            let mut bytes = runs.decode(&text.as_bytes()[..cut]);
            bytes.extend(runs.decode(&text.as_bytes()[cut..]));
            assert!(runs.is_whole());
            assert_eq!(bytes, b"abcdef", "cut at {cut}");
        }
    }

    #[test]
    fn reads_blocks() {
        let fields = parse_block(b"grpc-status: 0\r\nx-a:1\r\nx-a: 2\r\n");
        assert_eq!(fields.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields["grpc-status"], "0");
        assert!(parse_block(b"").is_empty());
    }
}
