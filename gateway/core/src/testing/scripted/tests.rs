//! The rig itself: it must not be kinder to a filter than the gateway.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

use super::*;
use crate::call::{Call, End, ResponseHead};
use crate::message::Message;
use crate::status::{Code, Status};

/// Waits until the test opens the door, and notes what happens to its calls.
struct Door {
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    open: bool,
    waiting: Vec<Waker>,
    ends: Vec<Code>,
}

impl Filter for Door {
    const NAME: &'static str = "door";
    type Config = toml::Table;
    type State = ();

    fn new(_: toml::Table, _: &mut Setup<'_>) -> Result<Door, Problem> {
        Err(Problem::new("hinge", "a door needs a test"))
    }

    async fn request(&self, _call: &mut Call, _: &mut ()) -> Result<(), Status> {
        poll_fn(|cx| {
            let mut inside = self.inside.lock().unwrap();
            if inside.open {
                return Poll::Ready(Ok(()));
            }
            inside.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn request_message(&self, _: &mut Message, _: &mut Call, _: &mut ()) -> Result<(), Status> {
        Err(Status::internal("the filter does not say that it sees messages"))
    }

    fn end(&self, end: &mut End, _: &Call, _: &mut ()) {
        self.inside.lock().unwrap().ends.push(end.status.code);
    }
}

fn door() -> (Scripted, Arc<Mutex<Inside>>) {
    let inside = Arc::new(Mutex::new(Inside::default()));
    let shared = inside.clone();
    (Scripted::build(|_| Ok(Door { inside: shared })), inside)
}

fn door_open() -> Scripted {
    let (rig, inside) = door();
    open_door(&inside);
    rig
}

fn open_door(inside: &Mutex<Inside>) {
    let waiting = {
        let mut inside = inside.lock().unwrap();
        inside.open = true;
        std::mem::take(&mut inside.waiting)
    };
    waiting.into_iter().for_each(Waker::wake);
}

#[test]
fn resumes_a_filter_that_was_woken() {
    let (rig, inside) = door();
    let mut call = rig.call().start();
    call.expect_waiting();
    open_door(&inside);
    call.resume().expect_open().finish(Status::OK).expect_end(Code::Ok);
    assert_eq!(inside.lock().unwrap().ends, [Code::Ok]);
}

#[test]
fn cancels_a_call_that_waits_and_one_that_is_dropped() {
    let (rig, inside) = door();
    rig.call().start().cancel().expect_end(Code::Cancelled);
    open_door(&inside);
    drop(rig.open());
    assert_eq!(inside.lock().unwrap().ends, [Code::Cancelled, Code::Cancelled]);
}

#[test]
#[should_panic(expected = "nothing has woken it")]
fn open_does_not_wait() {
    door().0.open();
}

#[test]
#[should_panic(expected = "would wait for ever")]
fn resume_needs_a_wake() {
    door().0.call().start().resume();
}

#[test]
fn shows_messages_only_to_filters_that_ask_for_them() {
    let (rig, inside) = door();
    open_door(&inside);
    let mut call = rig.open();
    call.send("unseen").respond(&[]).receive("unseen too").expect_open();
    assert_eq!((call.sent().len(), call.received().len()), (1, 1));
}

/// Objects to every head, after it has left its mark on it.
struct Objector;

impl Filter for Objector {
    const NAME: &'static str = "objector";
    type Config = toml::Table;
    type State = ();

    fn new(_: toml::Table, _: &mut Setup<'_>) -> Result<Objector, Problem> {
        Ok(Objector)
    }

    fn response(&self, head: &mut ResponseHead, _: &mut Call, _: &mut ()) -> Result<(), Status> {
        head.metadata.append("x-mark", HeaderValue::from_static("objected"));
        Err(Status::permission_denied("no answer is good enough"))
    }
}

#[test]
fn a_refused_response_gives_way_to_the_head_of_the_refusal() {
    let answers: [fn(&mut ScriptedCall); 2] =
        [|call| _ = call.respond(&[("x-from", "upstream")]), |call| _ = call.finish(Status::OK)];
    for answer in answers {
        let rig = Scripted::new::<Objector>("").then::<Objector>("");
        let mut call = rig.open();
        answer(&mut call);
        call.expect_end(Code::PermissionDenied);
        let head = &call.head().unwrap().metadata;
        assert_eq!((head.len(), head.get_all("x-mark").iter().count()), (2, 2));
        assert_eq!(rig.metric("sluicegate_filter_refusals"), 1);
    }
}

#[test]
#[should_panic(expected = "a call that ended with OK is not open")]
fn a_call_ends_once() {
    door_open().open().finish(Status::OK).finish(Status::OK);
}

#[test]
fn builds_from_a_table_as_the_gateway_does() {
    assert_eq!(Scripted::problem::<Door>("").at, "hinge");
}
