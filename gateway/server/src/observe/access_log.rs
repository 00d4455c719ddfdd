//! The access log: one JSON line for each call and each session carried whole, written off the hot path.
//!
//! A worker collects lines in a buffer and hands it to one writer thread when it is full or a tick has passed. The way
//! to the writer is bounded: when the writer is behind (a full disk, a blocked pipe), lines are dropped and counted,
//! and calls do not notice.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::IntCounter;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::plan::AccessLog as Destination;

/// A worker's buffer is handed on when it has grown to this.
const BUFFER: usize = 16 << 10;
/// Buffers on their way to the writer.
const QUEUE: usize = 256;
/// How long a line may wait in a worker's buffer.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// One line. Fields that do not apply are left out.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) start_time: &'a str,
    pub(crate) client_address: std::net::SocketAddr,
    pub(crate) client_protocol: &'a str,
    pub(crate) transport: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upstream_cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upstream_host: Option<&'a str>,
    pub(crate) attempts: u32,
    pub(crate) grpc_status: u8,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) grpc_message: &'a str,
    /// Envoy's short form of why the gateway ended the call; `-` when the upstream did.
    pub(crate) response_flags: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_code_details: Option<&'a str>,
    pub(crate) duration_ms: f64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) request_messages: u64,
    pub(crate) response_messages: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<&'a str>,
}

/// The line of a session that was carried whole, or refused. Fields that do not apply are left out.
#[derive(Debug, Serialize)]
pub(crate) struct SessionLine<'a> {
    pub(crate) start_time: &'a str,
    pub(crate) client_address: std::net::SocketAddr,
    /// `webtransport` or `websocket`.
    pub(crate) client_protocol: &'a str,
    pub(crate) transport: &'a str,
    pub(crate) host: &'a str,
    /// Without the query, where keys may be.
    pub(crate) path: &'a str,
    pub(crate) route: &'a str,
    pub(crate) upstream_cluster: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upstream_host: Option<&'a str>,
    pub(crate) attempts: u32,
    /// What the client's request was answered with; 0 if it left before.
    pub(crate) http_status: u16,
    /// Envoy's short form of why the gateway ended or refused the session; `-` when it did not.
    pub(crate) response_flags: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_code_details: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subprotocol: Option<&'a str>,
    /// `client`, `upstream` or `gateway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_by: Option<&'a str>,
    /// The code that a WebTransport session was closed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) close_code: Option<u32>,
    pub(crate) duration_ms: f64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) streams: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) datagrams_received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) datagrams_sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) datagrams_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<&'a str>,
}

/// How long the writer may take to write what waits when the process ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The way to the writer thread; `None` inside when the log is off.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    queue: Option<SyncSender<Order>>,
    dropped: IntCounter,
}

/// What the writer is told.
#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    /// Everything before this is written: say so and end.
    Close(SyncSender<()>),
}

impl AccessLog {
    /// Opens the destination and starts the writer.
    pub(crate) fn open(destination: &Destination, dropped: IntCounter) -> io::Result<AccessLog> {
        let writer: Box<dyn Write + Send> = match destination {
            Destination::Off => return Ok(AccessLog { queue: None, dropped }),
            Destination::Stdout => Box::new(io::stdout()),
            Destination::Stderr => Box::new(io::stderr()),
            Destination::File(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        let (queue, lines) = sync_channel(QUEUE);
        std::thread::Builder::new().name("access-log".into()).spawn(move || write(writer, &lines))?;
        Ok(AccessLog { queue: Some(queue), dropped })
    }

    /// Waits until every line handed on has been written, unless the writer is stuck.
    pub(crate) fn close(&self) {
        let Some(queue) = &self.queue else { return };
        let (done, closed) = sync_channel(1);
        // A full queue means that the writer is stuck, and waiting for it would be in vain.
        if queue.try_send(Order::Close(done)).is_ok() {
            let _ = closed.recv_timeout(CLOSE_TIMEOUT);
        }
    }

    /// A worker's buffer.
    pub(crate) fn buffer(&self) -> LogBuffer {
        LogBuffer { log: self.clone(), lines: Mutex::default() }
    }
}

fn write(mut writer: Box<dyn Write + Send>, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Write(lines) => {
                if let Err(error) = writer.write_all(&lines).and_then(|()| writer.flush()) {
                    log::error!("cannot write the access log: {error}");
                }
            }
            Order::Close(done) => {
                // Nobody may be waiting any more.
                let _ = done.send(());
                return;
            }
        }
    }
}

/// The lines of one worker that wait for the writer.
#[derive(Debug)]
pub(crate) struct LogBuffer {
    log: AccessLog,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    clock: Clock,
}

impl LogBuffer {
    /// Whether lines go anywhere.
    pub(crate) fn is_on(&self) -> bool {
        self.log.queue.is_some()
    }

    /// Appends a line for a call that began at `start`; its `start_time` is filled in here.
    pub(crate) fn push(&self, start: SystemTime, line: Line<'_>) {
        self.write(start, |start_time, bytes| serde_json::to_writer(bytes, &Line { start_time, ..line }));
    }

    /// The same for a session.
    pub(crate) fn push_session(&self, start: SystemTime, line: SessionLine<'_>) {
        self.write(start, |start_time, bytes| {
            serde_json::to_writer(bytes, &SessionLine { start_time, ..line })
        });
    }

    fn write(
        &self,
        start: SystemTime,
        write: impl FnOnce(&str, &mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) {
        let mut lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Lines { bytes, clock } = &mut *lines;
        // Writing to memory fails only for values that cannot be JSON, and a line has none.
        if write(clock.format(start), bytes).is_ok() {
            bytes.push(b'\n');
        }
        if bytes.len() >= BUFFER {
            self.send(&mut lines);
        }
    }

    /// The lines that wait.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().bytes.clone()).unwrap()
    }

    /// Hands the lines on.
    pub(crate) fn flush(&self) {
        let mut lines = self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.send(&mut lines);
    }

    fn send(&self, lines: &mut Lines) {
        if lines.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::replace(&mut lines.bytes, Vec::with_capacity(BUFFER + 1024));
        let Some(queue) = &self.log.queue else { return };
        let lost = match queue.try_send(Order::Write(bytes)) {
            Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) => order,
            Ok(()) => return,
        };
        if let Order::Write(bytes) = lost {
            self.log.dropped.inc_by(bytes.iter().filter(|&&byte| byte == b'\n').count() as u64);
        }
    }
}

impl Drop for LogBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Formats times, remembering the text of the current second.
#[derive(Debug, Default)]
struct Clock {
    second: u64,
    text: String,
}

impl Clock {
    /// RFC 3339 in UTC with milliseconds.
    fn format(&mut self, time: SystemTime) -> &str {
        use std::fmt::Write;
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.second != since_epoch.as_secs() || self.text.is_empty() {
            self.second = since_epoch.as_secs();
            let second =
                i64::try_from(self.second).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
            self.text = second.and_then(|second| second.format(&Rfc3339).ok()).unwrap_or_default();
        }
        // "2026-11-21T10:00:00" is 19 characters; what follows is the fraction and the zone.
        self.text.truncate(19);
        // Writing to a String cannot fail.
        let _ = write!(self.text, ".{:03}Z", since_epoch.subsec_millis());
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_times_within_and_across_seconds() {
        let mut clock = Clock::default();
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(clock.format(at(1_795_254_896_007)), "2026-11-21T09:54:56.007Z");
        assert_eq!(clock.format(at(1_795_254_896_999)), "2026-11-21T09:54:56.999Z");
        assert_eq!(clock.format(at(1_795_254_897_000)), "2026-11-21T09:54:57.000Z");
    }
}
