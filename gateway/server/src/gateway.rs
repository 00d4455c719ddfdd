//! A gateway from a plan: sockets bound, services made, run until told to stop.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{RunArgs, Server};

use crate::admin::Admin;
use crate::drain::{Drain, DrainThenStop};
use crate::front::listener::{Bound, Listening, QuicAccept, TcpAccept, bind};
use crate::front::plain::Pages;
use crate::observe::metrics::Metrics;
use crate::plan::Plan;
use crate::running::Running;
use crate::worker::workers;

/// A gateway whose sockets are bound.
pub(crate) struct Gateway {
    plan: Plan,
    metrics: Arc<Metrics>,
    listeners: Vec<Bound>,
    admin: Option<(TcpListener, SocketAddr)>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}")]
pub(crate) struct CannotBind {
    address: SocketAddr,
    error: io::Error,
}

impl Gateway {
    /// Binds every socket of the plan, or none.
    pub(crate) fn bind(plan: Plan, metrics: Arc<Metrics>) -> Result<Gateway, CannotBind> {
        let listeners = plan
            .listeners
            .iter()
            .map(|listener| bind(listener).map_err(|error| CannotBind { address: listener.address, error }))
            .collect::<Result<_, _>>()?;
        let admin = match plan.admin {
            Some(address) => Some(bind_admin(address).map_err(|error| CannotBind { address, error })?),
            None => None,
        };
        Ok(Gateway { plan, metrics, listeners, admin })
    }

    /// The addresses of the listeners, in the order of the plan.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|bound| bound.address)
    }

    /// Says on standard output where the gateway can be reached, and where its page is if it has one.
    pub(crate) fn announce(&self, has_page: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (listener, bound) in self.plan.listeners.iter().zip(&self.listeners) {
            let kind = if listener.tls.is_some() { "tls" } else { "http" };
            writeln!(out, "listening {kind} {}", bound.address)?;
            if bound.udp.is_some() {
                writeln!(out, "listening quic {}", bound.address)?;
            }
        }
        if let Some((_, address)) = &self.admin {
            writeln!(out, "listening admin {address}")?;
        }
        let cleartext =
            self.plan.listeners.iter().zip(&self.listeners).find(|(listener, _)| listener.tls.is_none());
        if let Some((_, bound)) = cleartext.filter(|_| has_page) {
            writeln!(out, "open http://{}/ in a browser", bound.address)?;
        }
        writeln!(out, "ready")?;
        out.flush()
    }

    /// Serves until a signal ends it. `pages` are served beside what the plan says.
    pub(crate) fn run(self, pages: Option<Pages>) -> io::Result<()> {
        let drain = Drain::new();
        let limit = self.plan.drain_timeout;
        let running = Arc::new(Running::new(self.plan, self.metrics.clone(), drain.clone(), pages)?);
        let (services, dealer) = workers(&running);
        let mut server = Server::new_with_opt_and_conf(None, server_conf());
        for service in services {
            server.add_service(service);
        }
        for (listener, bound) in running.plan.listeners.iter().zip(self.listeners) {
            let listening = Arc::new(Listening::new(listener, bound.address, &self.metrics));
            server.add_service(TcpAccept {
                socket: Some(bound.tcp),
                listening: listening.clone(),
                dealer: dealer.clone(),
                drain: drain.clone(),
            });
            if let (Some(udp), Some(tls)) = (bound.udp, listener.quic_tls.clone()) {
                let (dealer, drain) = (dealer.clone(), drain.clone());
                server.add_service(QuicAccept { socket: Some(udp), tls, listening, dealer, drain });
            }
        }
        if let Some((socket, _)) = self.admin {
            server.add_service(Admin::new(socket, running.clone()));
        }
        self.metrics.live.set(1);
        server.bootstrap();
        server.run(RunArgs { shutdown_signal: Box::new(DrainThenStop { drain, limit }) });
        Ok(())
    }
}

fn bind_admin(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// The process around the services. By the time Pingora is told to stop the gateway has drained, so it need not wait.
fn server_conf() -> ServerConf {
    ServerConf {
        threads: 1,
        work_stealing: false,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}
