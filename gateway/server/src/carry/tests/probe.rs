//! Filters that write down what they see and break where they are told to.

use std::cell::RefCell;
use std::future::pending;

use bytes::Bytes;
use serde::Deserialize;
use sluicegate_core::call::{Call, End, ResponseHead};
use sluicegate_core::filter::{Filter, Setup};
use sluicegate_core::message::Message;
use sluicegate_core::problem::Problem;
use sluicegate_core::registry::Kind;
use sluicegate_core::status::Status;

pub(super) const KINDS: &[Kind] = &[Kind::of::<Probe<false>>(), Kind::of::<Probe<true>>()];

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(what: impl Into<String>) {
    SEEN.with_borrow_mut(|seen| seen.push(what.into()));
}

/// What the filters of this thread saw, in order.
pub(super) fn seen() -> Vec<String> {
    SEEN.with_borrow(Clone::clone)
}

/// How often the filters of this thread saw it.
pub(super) fn count(what: &str) -> usize {
    SEEN.with_borrow(|seen| seen.iter().filter(|seen| seen.starts_with(what)).count())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    panics_at: String,
    #[serde(default)]
    refuses_at: String,
    #[serde(default)]
    waits: bool,
}

/// `READS` says whether it sees messages; it answers them in capitals.
pub(super) struct Probe<const READS: bool>(Config);

impl<const READS: bool> Probe<READS> {
    fn hook(&self, hook: &str) -> Result<(), Status> {
        note(hook);
        assert_ne!(self.0.panics_at, hook, "as the test wants");
        if self.0.refuses_at == hook { Err(Status::permission_denied("no")) } else { Ok(()) }
    }

    fn shout(message: &mut Message) -> String {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        message.payload = Bytes::from(format!("{}!", text.to_uppercase()));
        text
    }
}

/// Tells when it goes.
struct Waiting;

impl Drop for Waiting {
    fn drop(&mut self) {
        note("stopped waiting");
    }
}

impl<const READS: bool> Filter for Probe<READS> {
    const NAME: &'static str = if READS { "reader" } else { "probe" };
    const SEES_MESSAGES: bool = READS;
    type Config = Config;
    type State = ();

    fn new(config: Config, _: &mut Setup<'_>) -> Result<Self, Problem> {
        Ok(Probe(config))
    }

    async fn request(&self, _: &mut Call, (): &mut ()) -> Result<(), Status> {
        self.hook("request")?;
        if self.0.waits {
            let _waiting = Waiting;
            return pending().await;
        }
        Ok(())
    }

    fn request_message(&self, message: &mut Message, _: &mut Call, (): &mut ()) -> Result<(), Status> {
        note(format!("to upstream: {}", Self::shout(message)));
        self.hook("request_message")
    }

    fn response(&self, head: &mut ResponseHead, _: &mut Call, (): &mut ()) -> Result<(), Status> {
        head.metadata.insert("x-probe", http::HeaderValue::from_static("seen"));
        self.hook("response")
    }

    fn response_message(&self, message: &mut Message, _: &mut Call, (): &mut ()) -> Result<(), Status> {
        note(format!("to client: {}", Self::shout(message)));
        self.hook("response_message")
    }

    fn end(&self, end: &mut End, _: &Call, (): &mut ()) {
        note(format!("end {}", end.status.code.name()));
        assert_ne!(self.0.panics_at, "end", "as the test wants");
    }
}
