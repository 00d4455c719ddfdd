//! What every format's decompressor looks like here: bytes go in as they come, output is limited.

use std::io::{self, Read, Write};

use flate2::{Decompress, FlushDecompress};
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use super::Encoding;

/// Bytes that decompressors work in.
const BUFFER: usize = 8 << 10;

/// The largest window of zstd, 8 MiB. RFC 9659, section 3: no peer may use a larger one.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The largest chunk that holds a block of snappy's framing format, and the length of a chunk's header.
const SNAPPY_CHUNK: usize = 76_490;
const SNAPPY_HEADER: usize = 4;

/// Why decompressing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is more output than may be.
    TooLarge,
    /// The input is not in the format, or not whole.
    Broken,
}

/// Decompresses a stream. After a fault it is of no more use.
pub(super) enum Inflate {
    Gzip(flate2::write::MultiGzDecoder<Output>),
    Deflate(Decompress, Progress, Output),
    Zstd(zstd::stream::raw::Decoder<'static>, Progress, Output),
    /// The flag tells whether the first byte has come.
    Br(Box<brotli::DecompressorWriter<Output>>, bool),
    Snappy(Box<snap::read::FrameDecoder<Chunks>>, Output),
}

impl Inflate {
    pub(super) fn new(encoding: Encoding, output: Output) -> Result<Inflate, Fault> {
        Ok(match encoding {
            Encoding::Gzip => Inflate::Gzip(flate2::write::MultiGzDecoder::new(output)),
            Encoding::Deflate => Inflate::Deflate(Decompress::new(true), Progress::Inside, output),
            Encoding::Zstd => {
                let decoder = zstd::stream::raw::Decoder::new().and_then(|mut decoder| {
                    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                    Ok(decoder)
                });
                Inflate::Zstd(decoder.map_err(|_| Fault::Broken)?, Progress::Inside, output)
            }
            Encoding::Br => Inflate::Br(Box::new(brotli::DecompressorWriter::new(output, BUFFER)), false),
            Encoding::Snappy => {
                Inflate::Snappy(Box::new(snap::read::FrameDecoder::new(Chunks::default())), output)
            }
        })
    }

    /// Takes the next bytes of the stream; all that they stand for is in the output then.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let result = self.try_write(bytes);
        self.fault(result)
    }

    /// Checks that the stream may end here.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let result = match self {
            Inflate::Gzip(decoder) => decoder.try_finish(),
            Inflate::Deflate(_, progress, _) | Inflate::Zstd(_, progress, _) => match progress {
                Progress::Ended => Ok(()),
                Progress::Inside => Err(broken()),
            },
            Inflate::Br(decoder, _) => decoder.close(),
            Inflate::Snappy(decoder, _) => {
                if decoder.get_ref().bytes.is_empty() {
                    Ok(())
                } else {
                    Err(broken())
                }
            }
        };
        self.fault(result)
    }

    /// What has come out since it was last taken.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output().bytes)
    }

    /// What comes out, and how much of it there may be at a time.
    pub(super) fn output(&mut self) -> &mut Output {
        match self {
            Inflate::Gzip(decoder) => decoder.get_mut(),
            Inflate::Br(decoder, _) => decoder.get_mut(),
            Inflate::Deflate(_, _, output) | Inflate::Zstd(_, _, output) | Inflate::Snappy(_, output) => {
                output
            }
        }
    }

    fn fault(&mut self, result: io::Result<()>) -> Result<(), Fault> {
        match result {
            Ok(()) => Ok(()),
            Err(_) if self.output().is_exceeded => Err(Fault::TooLarge),
            Err(_) => Err(Fault::Broken),
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Inflate::Gzip(decoder) => {
                decoder.write_all(bytes)?;
                decoder.flush()
            }
            Inflate::Deflate(decoder, progress, output) => run(bytes, progress, output, |input, buffer| {
                let before = (decoder.total_in(), decoder.total_out());
                let status = decoder.decompress(input, buffer, FlushDecompress::None)?;
                Ok(Step {
                    read: (decoder.total_in() - before.0) as usize,
                    written: (decoder.total_out() - before.1) as usize,
                    ended: status == flate2::Status::StreamEnd,
                })
            })
            .and_then(|rest| if rest.is_empty() { Ok(()) } else { Err(broken()) }),
            Inflate::Zstd(decoder, progress, output) => {
                let mut rest = bytes;
                // Frames follow each other.
                while !rest.is_empty() {
                    *progress = Progress::Inside;
                    rest = run(rest, progress, output, |input, buffer| {
                        let mut input = InBuffer::around(input);
                        let mut buffer = OutBuffer::around(buffer);
                        let hint = decoder.run(&mut input, &mut buffer)?;
                        Ok(Step { read: input.pos(), written: buffer.pos(), ended: hint == 0 })
                    })?;
                }
                Ok(())
            }
            Inflate::Br(decoder, begun) => {
                if let Some(first) = bytes.first().filter(|_| !std::mem::replace(begun, true))
                    && is_large_brotli_window(*first)
                {
                    return Err(broken());
                }
                decoder.write_all(bytes)
            }
            Inflate::Snappy(decoder, output) => {
                let mut rest = bytes;
                let mut buffer = [0; BUFFER];
                loop {
                    let is_whole = decoder.get_mut().fill(&mut rest)?;
                    if !is_whole {
                        return Ok(());
                    }
                    loop {
                        match decoder.read(&mut buffer)? {
                            0 => break,
                            read => output.write_all(buffer.get(..read).unwrap_or_default())?,
                        }
                    }
                }
            }
        }
    }
}

/// Whether a brotli stream that starts so has a window of more than 8 MiB, as for zstd. Such windows are allocated when
/// the stream begins; encoders take 4 MiB unless they are told otherwise.
fn is_large_brotli_window(first: u8) -> bool {
    // RFC 7932, section 9.1: 16 MiB. The other is reserved there; the decoder would take it for one of up to 1 GiB.
    const MIB_16: u8 = 0b1111;
    const UP_TO_1_GIB: u8 = 0b001_0001;
    first & 0b1111 == MIB_16 || first & 0b111_1111 == UP_TO_1_GIB
}

/// Where in a stream the input stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits for more.
    Inside,
    /// The stream has come to its end.
    Ended,
}

/// What one step of a decompressor did.
struct Step {
    read: usize,
    written: usize,
    ended: bool,
}

/// Steps until the input is used up or the stream ends, and gives what is left of the input.
fn run<'a>(
    mut input: &'a [u8],
    progress: &mut Progress,
    output: &mut Output,
    mut step: impl FnMut(&[u8], &mut [u8]) -> io::Result<Step>,
) -> io::Result<&'a [u8]> {
    let mut buffer = [0; BUFFER];
    while *progress == Progress::Inside {
        let Step { read, written, ended } = step(input, &mut buffer)?;
        input = input.get(read..).unwrap_or_default();
        output.write_all(buffer.get(..written).unwrap_or_default())?;
        if ended {
            *progress = Progress::Ended;
        } else if read == 0 && written == 0 {
            // Only more input helps; if it does not take what there is, nothing.
            return if input.is_empty() { Ok(input) } else { Err(broken()) };
        }
    }
    Ok(input)
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// What was decompressed. It takes bytes up to a limit.
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) limit: usize,
    is_exceeded: bool,
}

impl Output {
    pub(super) fn within(limit: usize) -> Output {
        Output { bytes: Vec::new(), limit, is_exceeded: false }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len().saturating_add(bytes.len());
        if length > self.limit {
            self.is_exceeded = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        if length > self.bytes.capacity() {
            // Doubles, but not beyond the limit.
            let wanted = length.max(self.bytes.capacity() * 2).min(self.limit);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives snappy's decoder whole chunks only: it can then go on after what looked like the end.
#[derive(Default)]
pub(super) struct Chunks {
    bytes: Vec<u8>,
    read: usize,
}

impl Chunks {
    /// Takes from `input` what is missing of a chunk. True when it is whole.
    fn fill(&mut self, input: &mut &[u8]) -> io::Result<bool> {
        if self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        }
        self.fill_to(SNAPPY_HEADER, input);
        let Some(&[_, a, b, c]) = self.bytes.first_chunk::<SNAPPY_HEADER>() else { return Ok(false) };
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if length > SNAPPY_CHUNK {
            return Err(broken());
        }
        self.fill_to(SNAPPY_HEADER + length, input);
        Ok(self.bytes.len() == SNAPPY_HEADER + length)
    }

    fn fill_to(&mut self, length: usize, input: &mut &[u8]) {
        let missing = length.saturating_sub(self.bytes.len()).min(input.len());
        let (part, rest) = input.split_at(missing);
        self.bytes.extend_from_slice(part);
        *input = rest;
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.bytes.get(self.read..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}
