//! The workloads: what is called, in which protocol, how often and by how many at once.

/// One kind of traffic.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Names it on the command line.
    pub(crate) name: &'static str,
    /// Names it in the report.
    pub(crate) title: &'static str,
    pub(crate) client: Client,
    pub(crate) shape: Shape,
    /// The size of a message in bytes.
    pub(crate) message: usize,
    pub(crate) connections: usize,
    /// Calls at once on each connection.
    pub(crate) streams: usize,
    /// Turns in one round. What a turn is depends on the shape.
    pub(crate) turns: u64,
    /// Turns in one round of a quick run.
    pub(crate) quick_turns: u64,
    /// What Envoy does instead, if it cannot do this.
    pub(crate) envoy_instead: Option<&'static str>,
    /// Whether Vanguard is measured with it too.
    pub(crate) vanguard: bool,
    /// What a bare echo on quinn is measured with, if anything.
    pub(crate) quinn: Option<&'static str>,
}

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// gRPC over cleartext HTTP/2.
    Grpc,
    /// gRPC-Web over cleartext HTTP/2.
    GrpcWebH2,
    /// gRPC-Web over cleartext HTTP/1.1, connections kept alive.
    GrpcWebH1,
    /// Connect's unary protocol in proto over cleartext HTTP/2.
    Connect,
    /// REST in JSON over cleartext HTTP/2, by the rules of `conf/notes.proto`.
    Rest,
    /// `grpc-wt-1` over WebTransport.
    WebTransport,
    /// Framed messages on WebSockets.
    WebSocket,
    /// Framed messages on the streams of bare QUIC.
    Quic,
}

/// What a call looks like, and what counts as one turn of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One message each way. A turn is a call.
    Unary,
    /// One message up, this many down. A turn is a call; costs are per message.
    ServerStream(u32),
    /// Each message is sent when the answer to the one before has come. A turn is a message; every stream lasts for the
    /// whole round.
    PingPong,
    /// The same, but so many messages are sent ahead of their answers.
    Stream(usize),
}

impl Workload {
    pub(crate) fn named(name: &str) -> Option<&'static Workload> {
        ALL.iter().chain(STAND_INS).find(|workload| workload.name == name)
    }

    /// What Envoy is measured with where Sluicegate is measured with this.
    pub(crate) fn for_envoy(&'static self) -> &'static Workload {
        self.envoy_instead.and_then(Workload::named).unwrap_or(self)
    }

    /// What the bare echo is measured with.
    pub(crate) fn for_quinn(&'static self) -> Option<&'static Workload> {
        self.quinn.and_then(Workload::named)
    }

    /// How many messages may be sent ahead of their answers.
    pub(crate) fn ahead(&self) -> usize {
        match self.shape {
            Shape::Stream(ahead) => ahead,
            Shape::Unary | Shape::ServerStream(_) | Shape::PingPong => 1,
        }
    }

    /// Whether every message of a stream is answered with itself.
    pub(crate) fn is_exchange(&self) -> bool {
        matches!(self.shape, Shape::PingPong | Shape::Stream(_))
    }

    /// How many of what costs are given for are in one turn.
    pub(crate) fn units_per_turn(&self) -> u64 {
        match self.shape {
            Shape::Unary | Shape::PingPong | Shape::Stream(_) => 1,
            Shape::ServerStream(messages) => messages.into(),
        }
    }

    /// How many calls so many turns make.
    pub(crate) fn calls(&self, turns: u64) -> u64 {
        match self.shape {
            Shape::Unary | Shape::ServerStream(_) => turns,
            Shape::PingPong | Shape::Stream(_) => (self.connections * self.streams) as u64,
        }
    }

    /// What costs are given for.
    pub(crate) fn unit(&self) -> &'static str {
        match self.shape {
            Shape::Unary => "call",
            Shape::ServerStream(_) | Shape::PingPong | Shape::Stream(_) => "message",
        }
    }
}

pub(crate) static ALL: &[Workload] = &[
    Workload {
        name: "grpc-unary-64",
        title: "gRPC unary, 64 B",
        client: Client::Grpc,
        shape: Shape::Unary,
        message: 64,
        connections: 4,
        streams: 32,
        turns: 100_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "grpc-unary-16k",
        title: "gRPC unary, 16 KiB",
        client: Client::Grpc,
        shape: Shape::Unary,
        message: 16 << 10,
        connections: 4,
        streams: 32,
        turns: 40_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "web-h2-unary-64",
        title: "gRPC-Web unary over HTTP/2, 64 B",
        client: Client::GrpcWebH2,
        shape: Shape::Unary,
        message: 64,
        connections: 4,
        streams: 32,
        turns: 80_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "web-h1-unary-64",
        title: "gRPC-Web unary over HTTP/1.1, 64 B",
        client: Client::GrpcWebH1,
        shape: Shape::Unary,
        message: 64,
        connections: 64,
        streams: 1,
        turns: 60_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "connect-unary-64",
        title: "Connect unary over HTTP/2, 64 B",
        client: Client::Connect,
        shape: Shape::Unary,
        message: 64,
        connections: 4,
        streams: 32,
        turns: 80_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: true,
        quinn: None,
    },
    Workload {
        name: "rest-unary",
        title: "REST in JSON over HTTP/2, ten fields",
        client: Client::Rest,
        shape: Shape::Unary,
        message: 64,
        connections: 4,
        streams: 32,
        turns: 40_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: true,
        quinn: None,
    },
    Workload {
        name: "grpc-stream",
        title: "gRPC server stream, 10,000 × 64 B",
        client: Client::Grpc,
        shape: Shape::ServerStream(10_000),
        message: 64,
        connections: 4,
        streams: 1,
        turns: 150,
        quick_turns: 4,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "grpc-ping-pong",
        title: "gRPC bidi ping-pong, 64 B",
        client: Client::Grpc,
        shape: Shape::PingPong,
        message: 64,
        connections: 4,
        streams: 4,
        turns: 200_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "webtransport-ping-pong",
        title: "WebTransport bidi ping-pong, 64 B ¹",
        client: Client::WebTransport,
        shape: Shape::PingPong,
        message: 64,
        connections: 4,
        streams: 4,
        turns: 200_000,
        quick_turns: 500,
        envoy_instead: Some("grpc-ping-pong"),
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "webtransport-echo",
        title: "WebTransport bidi ping-pong, 64 B, and WebSockets ²",
        client: Client::WebTransport,
        shape: Shape::PingPong,
        message: 64,
        connections: 4,
        streams: 4,
        turns: 200_000,
        quick_turns: 500,
        envoy_instead: Some("websocket-ping-pong"),
        vanguard: false,
        quinn: Some("quic-ping-pong"),
    },
    Workload {
        name: "webtransport-stream",
        title: "WebTransport bidi stream, 64 B, 64 ahead, and WebSockets ²",
        client: Client::WebTransport,
        shape: Shape::Stream(64),
        message: 64,
        connections: 4,
        streams: 4,
        turns: 1_000_000,
        quick_turns: 500,
        envoy_instead: Some("websocket-stream"),
        vanguard: false,
        quinn: Some("quic-stream"),
    },
];

/// What is measured beside a workload of WebTransport, through what knows none.
static STAND_INS: &[Workload] = &[
    Workload {
        name: "websocket-ping-pong",
        title: "WebSocket ping-pong, 64 B",
        client: Client::WebSocket,
        shape: Shape::PingPong,
        message: 64,
        connections: 4,
        streams: 4,
        turns: 200_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "websocket-stream",
        title: "WebSocket stream, 64 B, 64 ahead",
        client: Client::WebSocket,
        shape: Shape::Stream(64),
        message: 64,
        connections: 4,
        streams: 4,
        turns: 1_000_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "quic-ping-pong",
        title: "QUIC ping-pong, 64 B",
        client: Client::Quic,
        shape: Shape::PingPong,
        message: 64,
        connections: 4,
        streams: 4,
        turns: 200_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
    Workload {
        name: "quic-stream",
        title: "QUIC stream, 64 B, 64 ahead",
        client: Client::Quic,
        shape: Shape::Stream(64),
        message: 64,
        connections: 4,
        streams: 4,
        turns: 1_000_000,
        quick_turns: 500,
        envoy_instead: None,
        vanguard: false,
        quinn: None,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_envoy_does_instead_is_a_workload_it_can_do() {
        for workload in ALL.iter().chain(STAND_INS) {
            assert!(
                std::ptr::eq(workload, Workload::named(workload.name).unwrap()),
                "{} twice",
                workload.name
            );
            if let Some(name) = workload.envoy_instead {
                assert_eq!(Workload::named(name).unwrap().envoy_instead, None);
            }
            if let Some(name) = workload.quinn {
                assert_eq!(Workload::named(name).unwrap().client, Client::Quic);
            }
        }
        for workload in ALL {
            let client = workload.for_envoy().client;
            assert!(!matches!(client, Client::WebTransport | Client::Quic), "{}", workload.name);
        }
    }
}
