//! A call that a test scripts, hook by hook.

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::{header, header_map};
use crate::BoxFuture;
use crate::call::{Call, Client, End, ResponseHead, Transport};
use crate::chain::{Chain, Passage};
use crate::message::Message;
use crate::path::MethodPath;
use crate::status::{Code, Flag, Status};

/// How often a filter may wake itself before the rig calls it a busy loop.
const MOST_WAKES: usize = 10_000;

/// A call before it begins.
#[must_use = "a call begins with `open` or `start`"]
pub struct CallScript {
    chain: Arc<Chain>,
    call: Call,
}

impl CallScript {
    pub(super) fn new(chain: Arc<Chain>) -> CallScript {
        CallScript { chain, call: plain_call() }
    }

    /// Calls this method instead of `/scripted.v1.Scripted/Call`.
    ///
    /// # Panics
    /// When no method can have this path.
    #[track_caller]
    pub fn method(mut self, path: &str) -> CallScript {
        self.call.path = MethodPath::parse_str(path).expect("the path of a method");
        self
    }

    /// Adds one value of request metadata.
    ///
    /// # Panics
    /// When it is no header.
    #[track_caller]
    pub fn metadata(mut self, name: &str, value: &str) -> CallScript {
        let (name, value) = header(name, value);
        self.call.metadata.append(name, value);
        self
    }

    /// Calls from this address, written `192.0.2.7:5000` or `[2001:db8::7]:5000`.
    ///
    /// # Panics
    /// When it is no socket address.
    #[track_caller]
    pub fn address(mut self, address: &str) -> CallScript {
        let address = address.parse().expect("an address with a port");
        self.call.client.address = address;
        self.call.client.forwarded_for = forwarded_for(address);
        self
    }

    /// Calls as someone whom an earlier filter has authenticated.
    pub fn identity(mut self, identity: &str) -> CallScript {
        self.call.identity = Some(identity.into());
        self
    }

    /// Changes anything else about the call.
    pub fn edit(mut self, change: impl FnOnce(&mut Call)) -> CallScript {
        change(&mut self.call);
        self
    }

    /// Takes the call through the filters' `request`.
    ///
    /// # Panics
    /// When a filter waits for something that has not happened yet.
    #[track_caller]
    pub fn open(self) -> ScriptedCall {
        let call = self.start();
        assert!(
            !call.is_waiting(),
            "{:?}: a filter waits in `request`, and nothing has woken it; open the call with `start`, make \
             happen what it waits for, then `resume`",
            call.chain
        );
        call
    }

    /// Takes the call into the filters' `request`, where one of them may wait.
    #[track_caller]
    pub fn start(self) -> ScriptedCall {
        let CallScript { chain, mut call } = self;
        let left = Arc::new(AtomicBool::new(false));
        let request: BoxFuture<'static, Entered> = Box::pin({
            let (chain, left) = (chain.clone(), left.clone());
            async move {
                let mut passage = chain.begin();
                let outcome = {
                    let mut request = pin!(chain.request(&mut call, &mut passage));
                    poll_fn(|cx| match left.load(Ordering::Relaxed) {
                        true => Poll::Ready(Err(client_left())),
                        false => request.as_mut().poll(cx),
                    })
                    .await
                };
                Entered { call, passage, outcome }
            }
        });
        let mut scripted = ScriptedCall {
            chain,
            stage: Stage::Waiting { request, left, woken: Arc::default() },
            head: None,
            sent: Vec::new(),
            received: Vec::new(),
        };
        scripted.poll_request();
        scripted
    }
}

/// A call on its way. Dropped before its end, it is cancelled, as when its client goes away.
pub struct ScriptedCall {
    chain: Arc<Chain>,
    stage: Stage,
    head: Option<ResponseHead>,
    sent: Vec<Message>,
    received: Vec<Message>,
}

/// How far a call has come.
enum Stage {
    /// A filter's `request` waits. Setting `left` lets it go without an answer, as when the client leaves.
    Waiting { request: BoxFuture<'static, Entered>, left: Arc<AtomicBool>, woken: Arc<Woken> },
    /// Past every `request`, or past the one that refused.
    Entered { call: Call, passage: Passage },
    /// Past `end`.
    Ended { call: Call, end: End },
    /// Between two of the others; no method leaves a call here.
    Moving,
}

struct Entered {
    call: Call,
    passage: Passage,
    outcome: Result<(), Status>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// What a test does to a call.
impl ScriptedCall {
    /// The client sends a message. As in the gateway, filters see it only if one of them has `SEES_MESSAGES`.
    ///
    /// # Panics
    /// When the call is not open.
    #[track_caller]
    pub fn send(&mut self, payload: impl Into<Bytes>) -> &mut Self {
        let mut message = Message { compressed: false, payload: payload.into() };
        let (chain, call, passage) = self.expect_entered();
        let seen = chain.sees_messages();
        let result = if seen { chain.request_message(&mut message, call, passage) } else { Ok(()) };
        match result {
            Ok(()) => self.sent.push(message),
            Err(status) => self.finish_now(status.into(), true),
        }
        self
    }

    /// The upstream answers with initial metadata.
    ///
    /// # Panics
    /// When the call is not open, has a response already, or a name or value is no header.
    #[track_caller]
    pub fn respond(&mut self, metadata: &[(&str, &str)]) -> &mut Self {
        let content_type = Some(HeaderValue::from_static("application/grpc+proto"));
        self.respond_with(ResponseHead {
            metadata: header_map(metadata),
            content_type,
            ..ResponseHead::default()
        })
    }

    /// The upstream answers with this head.
    ///
    /// # Panics
    /// When the call is not open or has a response already.
    #[track_caller]
    pub fn respond_with(&mut self, mut head: ResponseHead) -> &mut Self {
        assert!(self.head.is_none(), "the call has a response already");
        let (chain, call, passage) = self.expect_entered();
        match chain.response(&mut head, call, passage) {
            Ok(()) => self.head = Some(head),
            Err(status) => self.finish_now(status.into(), true),
        }
        self
    }

    /// The upstream sends a message.
    ///
    /// # Panics
    /// When the call is not open or has no response head yet.
    #[track_caller]
    pub fn receive(&mut self, payload: impl Into<Bytes>) -> &mut Self {
        assert!(self.head.is_some(), "an upstream sends no message before its head; `respond` first");
        let mut message = Message { compressed: false, payload: payload.into() };
        let (chain, call, passage) = self.expect_entered();
        let seen = chain.sees_messages();
        let result = if seen { chain.response_message(&mut message, call, passage) } else { Ok(()) };
        match result {
            Ok(()) => self.received.push(message),
            Err(status) => self.finish_now(status.into(), true),
        }
        self
    }

    /// The upstream ends the call, with a [`Status`] or with an [`End`] that has trailers too. Without a head before it
    /// that is a response too, whose empty head the filters see.
    ///
    /// # Panics
    /// When the call is not open.
    #[track_caller]
    pub fn finish(&mut self, end: impl Into<End>) -> &mut Self {
        self.expect_entered();
        if self.head.is_none() {
            self.respond_with(ResponseHead::default());
        }
        // Unless a filter has just ended it otherwise.
        if matches!(self.stage, Stage::Entered { .. }) {
            self.finish_now(end.into(), true);
        }
        self
    }

    /// The client goes away: filters that wait are dropped, and those that were entered see the end.
    ///
    /// # Panics
    /// When the call has ended.
    #[track_caller]
    pub fn cancel(&mut self) -> &mut Self {
        match &self.stage {
            Stage::Waiting { left, .. } => {
                left.store(true, Ordering::Relaxed);
                self.poll_request();
            }
            Stage::Entered { .. } => self.finish_now(client_left().into(), false),
            Stage::Ended { .. } | Stage::Moving => panic!("{} cannot be cancelled", self.describe()),
        }
        self
    }

    /// Goes on with a call in which a filter waited, after the test has made happen what it waited for.
    ///
    /// # Panics
    /// When no filter waits, or nothing has woken the one that does: in a gateway it would wait for ever.
    #[track_caller]
    pub fn resume(&mut self) -> &mut Self {
        let Stage::Waiting { woken, .. } = &self.stage else { panic!("{} does not wait", self.describe()) };
        assert!(
            woken.0.load(Ordering::Acquire),
            "{:?}: nothing has woken the filter that waits; in a gateway it would wait for ever",
            self.chain
        );
        self.poll_request();
        self
    }

    /// Waits for the filters' `request` in the runtime of the test, for filters that need one.
    pub async fn ready(&mut self) -> &mut Self {
        if let Stage::Waiting { request, .. } = &mut self.stage {
            let entered = request.await;
            self.enter(entered);
        }
        self
    }
}

/// What a test finds out about a call.
impl ScriptedCall {
    /// Checks that no filter has ended the call and none waits.
    ///
    /// # Panics
    /// When that is not so.
    #[track_caller]
    pub fn expect_open(&mut self) -> &mut Self {
        self.expect_entered();
        self
    }

    /// Checks that a filter waits in `request`.
    ///
    /// # Panics
    /// When none does.
    #[track_caller]
    pub fn expect_waiting(&mut self) -> &mut Self {
        assert!(self.is_waiting(), "{} does not wait", self.describe());
        self
    }

    /// Checks that the call has ended with this code, and gives the status and trailers the client is told.
    ///
    /// # Panics
    /// When it has not.
    #[track_caller]
    pub fn expect_end(&self, code: Code) -> &End {
        match &self.stage {
            Stage::Ended { end, .. } if end.status.code == code => end,
            _ => panic!("{} has not ended with {}", self.describe(), code.name()),
        }
    }

    /// The call, as the filters have left it.
    ///
    /// # Panics
    /// While a filter waits in `request`: the call is its to change.
    #[track_caller]
    pub fn call(&self) -> &Call {
        match &self.stage {
            Stage::Entered { call, .. } | Stage::Ended { call, .. } => call,
            Stage::Waiting { .. } | Stage::Moving => panic!("{} is with a filter", self.describe()),
        }
    }

    /// The head that the client gets: the upstream's, or that of a refusal. `None` before it, and for a client that
    /// left before it.
    pub fn head(&self) -> Option<&ResponseHead> {
        self.head.as_ref()
    }

    /// The messages that went on to the upstream.
    pub fn sent(&self) -> &[Message] {
        &self.sent
    }

    /// The messages that went on to the client.
    pub fn received(&self) -> &[Message] {
        &self.received
    }
}

impl ScriptedCall {
    fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }

    #[track_caller]
    fn expect_entered(&mut self) -> (&Chain, &mut Call, &mut Passage) {
        let described = self.describe();
        match &mut self.stage {
            Stage::Entered { call, passage } => (&self.chain, call, passage),
            _ => panic!("{described} is not open"),
        }
    }

    #[track_caller]
    fn poll_request(&mut self) {
        let Stage::Waiting { request, woken, .. } = &mut self.stage else { return };
        let waker = Waker::from(woken.clone());
        for _ in 0..MOST_WAKES {
            woken.0.store(false, Ordering::Release);
            if let Poll::Ready(entered) = request.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.enter(entered);
                return;
            }
            if !woken.0.load(Ordering::Acquire) {
                return;
            }
        }
        panic!("{:?}: a filter wakes itself over and over", self.chain);
    }

    fn enter(&mut self, Entered { call, passage, outcome }: Entered) {
        self.stage = Stage::Entered { call, passage };
        if let Err(status) = outcome {
            let client_is_there = status.flag != Some(Flag::ClientReset);
            self.finish_now(status.into(), client_is_there);
        }
    }

    /// Ends the call as the gateway does: a client that is still there gets a head first, that of a refusal if the
    /// upstream sent none.
    fn finish_now(&mut self, mut end: End, client_is_there: bool) {
        let Stage::Entered { mut call, mut passage } = std::mem::replace(&mut self.stage, Stage::Moving)
        else {
            return;
        };
        if client_is_there && self.head.is_none() {
            let mut head = ResponseHead::default();
            self.chain.refusal(&mut head, &mut call, &mut passage);
            self.head = Some(head);
        }
        self.chain.end(&mut end, &call, passage);
        self.stage = Stage::Ended { call, end };
    }

    fn describe(&self) -> String {
        match &self.stage {
            Stage::Waiting { .. } => "a call that waits in a filter's `request`".to_owned(),
            Stage::Entered { .. } => "an open call".to_owned(),
            Stage::Ended { end, .. } => format!("a call that ended with {}", end.status),
            Stage::Moving => "a call between two stages".to_owned(),
        }
    }
}

impl Drop for ScriptedCall {
    fn drop(&mut self) {
        // A test that fails has told enough; a filter that panics in `end` now would abort it.
        if !std::thread::panicking() && !matches!(self.stage, Stage::Ended { .. } | Stage::Moving) {
            self.cancel();
        }
    }
}

fn client_left() -> Status {
    Status::cancelled("the client left").with_flag(Flag::ClientReset)
}

/// A call with nothing special about it.
pub(crate) fn plain_call() -> Call {
    let address = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 50_000));
    Call {
        path: MethodPath::parse_str("/scripted.v1.Scripted/Call").expect("the path of a method"),
        host: "gateway.example.com".into(),
        metadata: HeaderMap::new(),
        content_type: HeaderValue::from_static("application/grpc+proto"),
        encoding: None,
        accept_encoding: None,
        deadline: None,
        deadline_from_client: false,
        // An instant can only be had from the clock; the rig itself never compares it with anything.
        received: Instant::now(),
        client: Client {
            address,
            forwarded_for: forwarded_for(address),
            protocol: "grpc",
            transport: Transport::Http2,
            secure: true,
        },
        identity: None,
    }
}

fn forwarded_for(address: SocketAddr) -> HeaderValue {
    address.ip().to_string().parse().expect("an address is a header value")
}
