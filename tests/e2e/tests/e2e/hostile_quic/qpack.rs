//! Field sections that are small on the wire, and the table that is not there.

use sluicegate_e2e::raw_h3::frame_type::HEADERS;
use sluicegate_e2e::raw_h3::{RawH3, code, frame, headers, integer, stream_type, varint};
use sluicegate_e2e::within;

use super::siege::Siege;

/// `:method: POST`, `:scheme: https`, `:path: /` and `:authority` without a value, by the static table.
const REQUEST: [u8; 4] = [0xc0 | 20, 0xc0 | 23, 0xc0 | 1, 0xc0];
/// `accept: */*` by the static table: 41 bytes as RFC 9114, section 4.2.2, counts them.
const ACCEPT: u8 = 0xc0 | 29;

/// A request with these lines behind its pseudo-header fields.
fn request(lines: &[u8]) -> Vec<u8> {
    frame(HEADERS, &[&[0, 0][..], &REQUEST, lines].concat())
}

/// A request for a session with these lines behind its pseudo-header fields. Another decoder reads it.
fn session(lines: &[u8]) -> Vec<u8> {
    let mut block = headers(&[
        (":method", "CONNECT"),
        (":protocol", "webtransport"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/grpc-wt/v1"),
    ]);
    // Without the frame's head, which is a type and a length of two bytes.
    block.drain(..3);
    block.extend_from_slice(lines);
    frame(HEADERS, &block)
}

/// A field whose value is Huffman-coded.
fn huffman(value: &[u8]) -> Vec<u8> {
    let mut line = vec![0x20 | 1, b'x'];
    integer(value.len() as u64, 7, 0x80, &mut line);
    line.extend_from_slice(value);
    line
}

/// Each is refused alone: its connection, and other requests on it, go on.
#[tokio::test]
async fn bombs() {
    let mut siege = Siege::begin().await;
    let target = siege.target();
    // Sixty thousand references of a byte each, 2.4 MiB of fields; "0", which has five bits, without end; both at once.
    let references = [ACCEPT; 60_000];
    let zeroes = huffman(&[0; 60_000]);
    let both = [&references[..30_000], &huffman(&[0; 20_000])].concat();
    for lines in [&references[..], &zeroes, &both] {
        let raw = RawH3::connect(target).await;
        let bombs = [request(lines), session(lines)];
        siege
            .storm(100, async |number| {
                let (mut send, mut receive) = raw.bidi(&bombs[number as usize % 2]).await;
                let _ = send.finish();
                let response = within("an answer to a bomb", receive.read_to_end(1000)).await.unwrap();
                // As it is, or with Huffman coding, as `h3` writes it.
                let is_431 = response.ends_with(b"431") || response.ends_with(&[0x69, 0x90, 0xff]);
                assert!(is_431, "{response:x?}");
            })
            .await;
        raw.works().await;
    }
    siege.refused("max_header_bytes", 300).await;
    siege.withstood().await;
}

/// What cannot be read ends its connection with the code for that.
#[tokio::test]
async fn sections_that_cannot_be_read() {
    let siege = Siege::begin().await;
    let section = |bytes: &[u8]| frame(HEADERS, bytes);
    for bytes in [
        // A required insert count, as of a stream that waits for its table; a reference to that table, and behind its base.
        section(&[0x02, 0x00, ACCEPT]),
        section(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]),
        section(&[0x02, 0x00, 0x80]),
        section(&[0x00, 0x00, 0x80]),
        section(&[0x00, 0x00, 0x10]),
        section(&[0x00, 0x00, 0x40, 0x01, b'x']),
        // Entry 99, of which there are 99; an entry whose number does not end, and one that overflows.
        request(&[0xff, 0x24]),
        request(&[0xff, 0xff, 0xff]),
        request(&[[0xff; 12].as_slice(), &[0x7f]].concat()),
        // A name, and a value, that is longer than the section.
        request(&[0x27, 0xff, 0xff, 0xff, 0x7f, b'x']),
        request(&[0x21, b'x', 0x7f, 0xff, 0xff, 0x7f, b'x']),
        // Huffman coding with the end of strings in it.
        request(&huffman(&[0xff; 40])),
        // No section at all.
        section(&[]),
        section(&[0x00]),
    ] {
        let raw = RawH3::connect(siege.target()).await;
        let _stream = raw.bidi(&bytes).await;
        assert_eq!(raw.closed().await, code::QPACK_DECOMPRESSION_FAILED, "{bytes:x?}");
        siege.step();
    }
    siege.withstood().await;
}

/// The gateway allows no dynamic table, so nothing can be put into it or be acknowledged.
#[tokio::test]
async fn the_table_that_is_not_there() {
    let siege = Siege::begin().await;
    for (stream_type, instructions, expected) in [
        // A capacity of 4096; an insertion with a name of the static table, with a literal one, and a duplicate.
        (stream_type::QPACK_ENCODER, &[0x3f, 0xe1, 0x1f][..], code::QPACK_ENCODER_STREAM_ERROR),
        (stream_type::QPACK_ENCODER, &[0xc0, 0x01, b'a'], code::QPACK_ENCODER_STREAM_ERROR),
        (stream_type::QPACK_ENCODER, &[0x41, b'x', 0x01, b'a'], code::QPACK_ENCODER_STREAM_ERROR),
        (stream_type::QPACK_ENCODER, &[0x00], code::QPACK_ENCODER_STREAM_ERROR),
        // An acknowledgement of a section that had none, and of insertions that were not made.
        (stream_type::QPACK_DECODER, &[0x80], code::QPACK_DECODER_STREAM_ERROR),
        (stream_type::QPACK_DECODER, &[0x01], code::QPACK_DECODER_STREAM_ERROR),
        (stream_type::QPACK_DECODER, &[0x00], code::QPACK_DECODER_STREAM_ERROR),
    ] {
        let raw = RawH3::connect(siege.target()).await;
        let _stream = raw.uni(&[&varint(stream_type)[..], instructions].concat()).await;
        assert_eq!(raw.closed().await, expected, "{stream_type} {instructions:x?}");
        siege.step();
    }
    siege.withstood().await;
}

/// An instruction without end on either stream: a name of 2^40 bytes, and cancellations of streams that were not.
#[tokio::test]
async fn endless_instructions() {
    let mut siege = Siege::begin().await;
    let target = siege.target();
    let mut name = Vec::new();
    integer(1 << 40, 5, 0x40, &mut name);
    for (stream_type, first, more) in [
        (stream_type::QPACK_ENCODER, &name[..], [b'a'; 8 << 10]),
        (stream_type::QPACK_DECODER, &[], [0x41; 8 << 10]),
        // An integer whose last byte never comes.
        (stream_type::QPACK_DECODER, &[], [0xff; 8 << 10]),
    ] {
        let raw = RawH3::connect(target).await;
        let mut stream = raw.uni(&[&varint(stream_type)[..], first].concat()).await;
        siege
            .storm(1000, async |_| {
                // It may be refused, or held up once it has taken all that it wants.
                let _ = tokio::time::timeout(sluicegate_e2e::QUIET / 500, stream.write_all(&more)).await;
            })
            .await;
    }
    siege.withstood().await;
}
