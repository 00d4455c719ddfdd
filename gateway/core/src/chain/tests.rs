//! What every filter may rely on.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::*;
use crate::filter::Setup;
use crate::problem::Problem;
use crate::testing::{Scripted, plain_call};

/// What happened, in order, such as `a.request`.
type Journal = Arc<Mutex<Vec<String>>>;

/// Writes down each hook it runs, and refuses at the hook it is told to.
struct Scribe {
    name: &'static str,
    refuses_at: &'static str,
    journal: Journal,
}

impl Scribe {
    fn note(&self, hook: &str) -> Result<(), Status> {
        self.journal.lock().unwrap().push(format!("{}.{hook}", self.name));
        if self.refuses_at == hook { Err(Status::permission_denied(self.name)) } else { Ok(()) }
    }
}

impl Filter for Scribe {
    const NAME: &'static str = "scribe";
    const SEES_MESSAGES: bool = true;
    type Config = toml::Table;
    type State = Vec<&'static str>;

    fn new(_: toml::Table, _: &mut Setup<'_>) -> Result<Scribe, Problem> {
        Err(Problem::new("", "made by tests only"))
    }
    async fn request(&self, _: &mut Call, seen: &mut Self::State) -> Result<(), Status> {
        seen.push(self.name);
        self.note("request")
    }
    fn request_message(&self, _: &mut Message, _: &mut Call, _: &mut Self::State) -> Result<(), Status> {
        self.note("request_message")
    }
    fn response(&self, _: &mut ResponseHead, _: &mut Call, _: &mut Self::State) -> Result<(), Status> {
        self.note("response")
    }
    fn response_message(&self, _: &mut Message, _: &mut Call, _: &mut Self::State) -> Result<(), Status> {
        self.note("response_message")
    }
    fn end(&self, _: &mut End, _: &Call, seen: &mut Self::State) {
        // Its own state, in which `request` left its own name, and no other filter's.
        assert_eq!(*seen, [self.name]);
        self.note("end").unwrap();
    }
    fn preflight(&self, _: &Preflight<'_>) -> Option<HeaderMap> {
        self.note("preflight")
            .err()
            .map(|_| HeaderMap::from_iter([(http::header::VARY, self.name.parse().unwrap())]))
    }
}

/// A filter that does not look at messages, with a state of another type.
struct Blind;

impl Filter for Blind {
    const NAME: &'static str = "blind";
    type Config = toml::Table;
    type State = ();

    fn new(_: toml::Table, _: &mut Setup<'_>) -> Result<Blind, Problem> {
        Ok(Blind)
    }
}

/// Filters `a`, `b`, `c` with a stateless one between them; `refuses` is such as `b.request`.
fn chain(refuses: &'static str, metrics: &FilterMetrics) -> (Chain, Journal) {
    let journal = Journal::default();
    let (who, hook) = refuses.split_once('.').unwrap_or(("", ""));
    let scribe = |name| -> Arc<dyn Link> {
        let refuses_at = if name == who { hook } else { "" };
        Arc::new(Erased(Scribe { name, refuses_at, journal: journal.clone() }))
    };
    let links = vec![scribe("a"), Arc::new(Erased(Blind)) as Arc<dyn Link>, scribe("b"), scribe("c")];
    (Chain::new("test", links, metrics), journal)
}

/// The outcome of a future that has nothing to wait for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("no filter here waits"),
    }
}

/// Takes one call through every hook until a filter refuses, ends it, and compares what the filters saw.
fn check(refuses: &'static str, want: &str) {
    let metrics = FilterMetrics::detached();
    let (chain, journal) = chain(refuses, &metrics);
    let mut call = plain_call();
    let mut passage = chain.begin();
    let mut message = Message { compressed: false, payload: Bytes::from_static(b"hello") };
    let result = now(chain.request(&mut call, &mut passage))
        .and_then(|()| chain.request_message(&mut message, &mut call, &mut passage))
        .and_then(|()| chain.response(&mut ResponseHead::default(), &mut call, &mut passage))
        .and_then(|()| chain.response_message(&mut message, &mut call, &mut passage));
    assert_eq!(result.is_err(), !refuses.is_empty());
    let counted = metrics.refusals("test", "scribe", Code::PermissionDenied.as_str()).get();
    assert_eq!(counted, u64::from(result.is_err()), "refusals counted");
    chain.end(&mut End::from(result.err().unwrap_or(Status::OK)), &call, passage);
    let seen: Vec<String> = journal.lock().unwrap().clone();
    assert_eq!(seen, want.split_whitespace().collect::<Vec<_>>(), "refused at {refuses:?}");
}

const REQUEST: &str = "a.request b.request c.request";
const REQUEST_MESSAGE: &str = "a.request_message b.request_message c.request_message";
const RESPONSE: &str = "c.response b.response a.response";
const RESPONSE_MESSAGE: &str = "c.response_message b.response_message a.response_message";
const END: &str = "c.end b.end a.end";

#[test]
fn requests_go_down_and_responses_come_up() {
    check("", &format!("{REQUEST} {REQUEST_MESSAGE} {RESPONSE} {RESPONSE_MESSAGE} {END}"));
}

#[test]
fn a_refusal_stops_there_and_only_entered_filters_see_the_end() {
    check("a.request", "a.request a.end");
    check("b.request", "a.request b.request b.end a.end");
}

#[test]
fn a_later_refusal_stops_there_and_all_see_the_end() {
    check("b.request_message", &format!("{REQUEST} a.request_message b.request_message {END}"));
    check("b.response", &format!("{REQUEST} {REQUEST_MESSAGE} c.response b.response {END}"));
    check("c.response_message", &format!("{REQUEST} {REQUEST_MESSAGE} {RESPONSE} c.response_message {END}"));
}

#[test]
fn the_head_of_a_refusal_passes_only_the_filters_that_were_entered() {
    let metrics = FilterMetrics::detached();
    let (chain, journal) = chain("b.request", &metrics);
    let (mut call, mut passage) = (plain_call(), chain.begin());
    now(chain.request(&mut call, &mut passage)).unwrap_err();
    journal.lock().unwrap().clear();
    chain.refusal(&mut ResponseHead::default(), &mut call, &mut passage);
    assert_eq!(*journal.lock().unwrap(), ["b.response", "a.response"]);
}

#[test]
fn the_head_of_a_refusal_passes_filters_that_object_to_it() {
    let metrics = FilterMetrics::detached();
    let (chain, journal) = chain("b.response", &metrics);
    let (mut call, mut passage) = (plain_call(), chain.begin());
    now(chain.request(&mut call, &mut passage)).unwrap();
    journal.lock().unwrap().clear();
    chain.refusal(&mut ResponseHead::default(), &mut call, &mut passage);
    assert_eq!(*journal.lock().unwrap(), ["c.response", "b.response", "a.response"]);
    assert_eq!(metrics.refusals("test", "scribe", Code::PermissionDenied.as_str()).get(), 0);
}

#[test]
fn the_first_filter_that_answers_a_preflight_decides() {
    let metrics = FilterMetrics::detached();
    let preflight = Preflight { headers: &HeaderMap::new() };
    let (answering, journal) = chain("b.preflight", &metrics);
    assert_eq!(answering.preflight(&preflight).unwrap()["vary"], "b");
    assert_eq!(*journal.lock().unwrap(), ["a.preflight", "b.preflight"]);
    assert_eq!(chain("", &metrics).0.preflight(&preflight), None);
}

#[test]
fn is_deframed_only_if_a_filter_sees_messages() {
    let metrics = FilterMetrics::detached();
    let blind = || -> Arc<dyn Link> { Arc::new(Erased(Blind)) };
    assert!(chain("", &metrics).0.sees_messages());
    assert!(!Chain::new("test", vec![blind(), blind()], &metrics).sees_messages());
    assert!(!Chain::new("test", Vec::new(), &metrics).sees_messages());
    assert!(Chain::new("test", Vec::new(), &metrics).is_empty());
}

#[test]
fn counts_a_refusal_by_its_filter_and_code() {
    let journal = Journal::default();
    let scribe = Scribe { name: "a", refuses_at: "response", journal };
    let rig = Scripted::build(|_| Ok(scribe));
    rig.open().respond(&[]).expect_end(Code::PermissionDenied);
    assert_eq!(rig.metric("sluicegate_filter_refusals"), 1);
}
