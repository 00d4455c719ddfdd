//! Unary calls that are an ordinary request and its response, over cleartext HTTP/2: Connect's, and REST in JSON.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use serde_json::{Map, Value, json};

use super::connection::{open, post, read};
use super::{Lane, Turns, one_by_one};
use crate::echo::UNARY;
use crate::failure::Failure;
use crate::payload::Payload;
use crate::workload::{Client, Workload};

/// Where `bench.Notes/Write` is in REST; `conf/notes.proto` says so.
const NOTES: &str = "/v1/notebooks/bench/notes";

pub(super) struct RequestLane {
    requests: SendRequest<Bytes>,
    target: SocketAddr,
    client: Client,
    payload: Payload,
    /// The text of a note, of the workload's size.
    text: String,
}

pub(super) async fn connect(target: SocketAddr, workload: &Workload) -> Result<Vec<RequestLane>, Failure> {
    let mut lanes = Vec::new();
    for _ in 0..workload.connections {
        let requests = open(target).await?;
        lanes.extend((0..workload.streams).map(|_| RequestLane {
            requests: requests.clone(),
            target,
            client: workload.client,
            payload: Payload::new(workload.message),
            text: "All work and no play. ".chars().cycle().take(workload.message).collect(),
        }));
    }
    Ok(lanes)
}

impl Lane for RequestLane {
    async fn run(&mut self, turns: &Turns, latencies: &mut Vec<u64>) -> Result<(), Failure> {
        one_by_one(turns, latencies, async |turn| match self.client {
            Client::Rest => {
                let mut note = note(turn, &self.text);
                let sent = Value::Object(note.clone()).to_string();
                let answer = self.exchange(NOTES, "application/json", sent.into()).await?;
                // What the path says, the body need not.
                note.insert("notebook".to_owned(), "bench".into());
                check_note(&answer, &note.into())
            }
            _ => {
                let message = self.payload.bare(turn);
                let answer = self.exchange(UNARY, "application/proto", message).await?;
                self.payload.check(turn, &answer)
            }
        })
        .await
    }
}

impl RequestLane {
    /// Sends a request and reads the body of its response.
    async fn exchange(&mut self, path: &str, content_type: &str, body: Bytes) -> Result<Bytes, Failure> {
        let mut request = post(self.target, path).header("content-type", content_type);
        if self.client == Client::Connect {
            request = request.header("connect-protocol-version", "1");
        }
        let request = request.body(())?;
        self.requests = self.requests.clone().ready().await?;
        let (response, mut sending) = self.requests.send_request(request, false)?;
        sending.send_data(body, true)?;
        let (head, mut body) = response.await?.into_parts();
        if head.status != http::StatusCode::OK
            || head.headers.get("content-type").is_none_or(|value| value != content_type)
        {
            return Err(Failure::new(format!("answered {} {:?}", head.status, head.headers)));
        }
        let mut whole = BytesMut::new();
        while let Some(bytes) = read(&mut body).await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}

/// A note with this number, as a client writes it.
fn note(number: u64, text: &str) -> Map<String, Value> {
    // Canonical JSON has 64 bits as text, and no zeroes.
    let number = (number + 1).to_string();
    [
        ("number", number.into()),
        ("title", "To be done".into()),
        ("text", text.into()),
        ("tags", json!(["home", "urgent"])),
        ("author", json!({ "name": "Ada", "id": "1815" })),
        ("written", "2026-01-02T03:04:05Z".into()),
        ("counts", json!({ "words": 42 })),
        ("weight", 0.5.into()),
        ("pinned", true.into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

fn check_note(answer: &[u8], wanted: &Value) -> Result<(), Failure> {
    let answer: Value = serde_json::from_slice(answer)?;
    if answer == *wanted {
        return Ok(());
    }
    Err(Failure::new(format!("{wanted} came back as {answer}")))
}
