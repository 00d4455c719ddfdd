//! An upstream that a test plays, on HTTP/2 over a pipe in memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::sync::mpsc;

use super::soon;
use crate::upstream::connection::seam;

/// Several upstreams by port, and those that cannot be reached.
#[derive(Clone, Default)]
pub(crate) struct Upstreams(Rc<RefCell<HashMap<u16, mpsc::UnboundedSender<Dialled>>>>);

type Dialled = tokio::io::DuplexStream;

impl Upstreams {
    /// From now on the gateway's connections of this thread lead here.
    pub(crate) fn new() -> Upstreams {
        let upstreams = Upstreams::default();
        let known = upstreams.clone();
        seam::answer(move |authority| {
            let known = known.0.borrow();
            let port = authority.port_u16().unwrap_or(0);
            let Some(upstream) = known.get(&port) else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            upstream.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
            Ok(ours)
        });
        upstreams
    }

    /// An upstream at this port with these settings.
    pub(crate) fn at(&self, port: u16, settings: impl Fn(&mut Builder) + Send + 'static) -> Upstream {
        let (dialled, mut connections) = mpsc::unbounded_channel::<Dialled>();
        self.0.borrow_mut().insert(port, dialled);
        let (calls, arrivals) = mpsc::unbounded_channel();
        let (orders, _) = tokio::sync::broadcast::channel(8);
        let told = orders.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while let Some(io) = connections.recv().await {
                number += 1;
                let mut builder = Builder::new();
                settings(&mut builder);
                tokio::spawn(serve(builder, io, number, calls.clone(), told.subscribe()));
            }
        });
        Upstream { arrivals, orders }
    }

    /// From now on nothing can be connected to at this port.
    pub(crate) fn nobody(&self, port: u16) {
        self.0.borrow_mut().remove(&port);
    }

    /// Connections to this port from now on, which nobody answers.
    pub(crate) fn silent(&self, port: u16) -> mpsc::UnboundedReceiver<Dialled> {
        let (dialled, connections) = mpsc::unbounded_channel();
        self.0.borrow_mut().insert(port, dialled);
        connections
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Order {
    /// Say goodbye and take no further streams.
    Leave,
    /// Drop the connection.
    Die,
}

async fn serve(
    builder: Builder,
    io: Dialled,
    connection: usize,
    calls: mpsc::UnboundedSender<UpCall>,
    mut orders: tokio::sync::broadcast::Receiver<Order>,
) {
    let Ok(mut h2) = builder.handshake::<_, Bytes>(io).await else { return };
    loop {
        tokio::select! {
            accepted = h2.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                let (head, body) = request.into_parts();
                let call = UpCall { connection, head: Request::from_parts(head, ()), body, respond, send: None };
                if calls.send(call).is_err() {
                    return;
                }
            }
            order = orders.recv() => match order {
                Ok(Order::Leave) => h2.graceful_shutdown(),
                _ => return,
            },
        }
    }
}

/// One upstream.
pub(crate) struct Upstream {
    arrivals: mpsc::UnboundedReceiver<UpCall>,
    orders: tokio::sync::broadcast::Sender<Order>,
}

impl Upstream {
    /// The next call that arrives.
    pub(crate) async fn call(&mut self) -> UpCall {
        soon("a call at the upstream", self.arrivals.recv()).await.expect("the upstream runs")
    }

    pub(crate) fn has_call(&mut self) -> Option<UpCall> {
        self.arrivals.try_recv().ok()
    }

    /// What all of its connections do now.
    pub(crate) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

/// A call at the upstream.
pub(crate) struct UpCall {
    /// Which connection it came on, from 1.
    pub(crate) connection: usize,
    pub(crate) head: Request<()>,
    pub(crate) body: RecvStream,
    respond: SendResponse<Bytes>,
    send: Option<SendStream<Bytes>>,
}

impl UpCall {
    /// The next bytes, and whether the request ended with their frame.
    pub(crate) async fn data(&mut self) -> Option<(Bytes, bool)> {
        let chunk = soon("data at the upstream", self.body.data()).await?.expect("no reset");
        let _ = self.body.flow_control().release_capacity(chunk.len());
        Some((chunk, self.body.is_end_stream()))
    }

    /// Everything up to the end of the request, and its trailers.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, Option<HeaderMap>) {
        let mut bytes = Vec::new();
        while let Some((chunk, _)) = self.data().await {
            bytes.extend_from_slice(&chunk);
        }
        (bytes, soon("trailers at the upstream", self.body.trailers()).await.expect("no reset"))
    }

    fn response(headers: &[(&'static str, &str)]) -> Response<()> {
        let mut response = Response::builder().header("content-type", "application/grpc");
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap()
    }

    pub(crate) fn answer(&mut self, headers: &[(&'static str, &str)]) -> &mut UpCall {
        self.send = Some(self.respond.send_response(UpCall::response(headers), false).unwrap());
        self
    }

    pub(crate) fn answer_only(&mut self, headers: &[(&'static str, &str)]) {
        self.respond.send_response(UpCall::response(headers), true).unwrap();
    }

    /// Answers unless that was done.
    pub(crate) fn answer_once(&mut self) -> &mut UpCall {
        if self.send.is_none() {
            self.answer(&[]);
        }
        self
    }

    /// Whether something that was sent has found no credit yet.
    pub(crate) fn waits_to_send(&mut self) -> bool {
        let send = self.send.as_mut().unwrap();
        send.reserve_capacity(1);
        send.capacity() == 0
    }

    /// Answers with any head.
    pub(crate) fn answer_with(&mut self, response: Response<()>, end: bool) {
        self.send = Some(self.respond.send_response(response, end).unwrap());
    }

    pub(crate) fn send(&mut self, bytes: impl Into<Bytes>) -> &mut UpCall {
        self.send.as_mut().unwrap().send_data(bytes.into(), false).unwrap();
        self
    }

    pub(crate) fn end(&mut self, trailers: &[(&'static str, &str)]) {
        let trailers = trailers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        self.send.as_mut().unwrap().send_trailers(HeaderMap::from_iter(trailers)).unwrap();
    }

    /// Ends the response without trailers.
    pub(crate) fn end_bare(&mut self) {
        self.send.as_mut().unwrap().send_data(Bytes::new(), true).unwrap();
    }

    pub(crate) fn reset(&mut self, reason: Reason) {
        match &mut self.send {
            Some(send) => send.send_reset(reason),
            None => self.respond.send_reset(reason),
        }
    }

    /// Waits for the gateway to reset the call.
    pub(crate) async fn was_reset(&mut self) -> Reason {
        let polled = std::future::poll_fn(|cx| match &mut self.send {
            Some(send) => send.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        });
        soon("a reset at the upstream", polled).await.expect("a reset, not a broken connection")
    }
}
