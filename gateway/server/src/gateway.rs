//! A gateway from a plan: sockets bound, services made, run until told to stop.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use sluicegate_core::BoxFuture;
use tokio::sync::watch;

use crate::admin::Admin;
use crate::descriptors::DescriptorService;
use crate::drain::{Drain, DrainThenStop};
use crate::front::listener::{Bound, QuicAccept, TcpAccept, bind};
use crate::front::plain::Pages;
use crate::observe::access_log::AccessLog;
use crate::observe::metrics::Metrics;
use crate::plan::Plan;
use crate::renewal::{Renewal, RenewalService};
use crate::running::Running;
use crate::tickets::Spent;
use crate::worker::workers;

/// How long to hold back "ready" for upstreams to say what they serve. Who waits for that word, a test or whatever sends
/// clients here, would else see the first JSON calls fail. But upstreams that are slow or not there must not keep the
/// gateway from serving calls that need no descriptors; it serves them before that word too.
const FIRST_DESCRIPTORS: Duration = Duration::from_secs(2);

/// A gateway whose sockets are bound.
pub(crate) struct Gateway {
    plan: Plan,
    metrics: Arc<Metrics>,
    listeners: Vec<Bound>,
    admin: Option<(TcpListener, SocketAddr)>,
    access_log: AccessLog,
}

/// What a gateway needs of its machine and does not get.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotStart {
    /// An address that cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// An access log that cannot be written.
    #[error("cannot open the access log {0}: {1}")]
    AccessLog(String, io::Error),
}

impl Gateway {
    /// Binds every socket of the plan and opens its access log, or nothing.
    pub(crate) fn bind(plan: Plan, metrics: Arc<Metrics>) -> Result<Gateway, CannotStart> {
        // A ticket that admitted at one listener shall not admit at another.
        let spent = Arc::new(Spent::default());
        let listeners = plan
            .listeners
            .iter()
            .map(|listener| {
                bind(listener, &metrics, &spent).map_err(|error| CannotStart::Listen(listener.address, error))
            })
            .collect::<Result<_, _>>()?;
        let admin = match plan.admin {
            Some(address) => Some(bind_admin(address).map_err(|error| CannotStart::Listen(address, error))?),
            None => None,
        };
        let access_log = AccessLog::open(&plan.access_log, metrics.log_dropped.clone()).map_err(|error| {
            let name = match &plan.access_log {
                crate::plan::AccessLog::File(path) => path.display().to_string(),
                other => format!("{other:?}").to_lowercase(),
            };
            CannotStart::AccessLog(name, error)
        })?;
        Ok(Gateway { plan, metrics, listeners, admin, access_log })
    }

    /// The addresses of the listeners, in the order of the plan.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(|bound| bound.listening.address)
    }

    /// Where the gateway can be reached, and where its page is if it has one: a line each, and "ready".
    fn announcement(&self, has_page: bool) -> String {
        let mut lines = Vec::new();
        for (listener, bound) in self.plan.listeners.iter().zip(&self.listeners) {
            let kind = if listener.tls.is_some() { "tls" } else { "http" };
            lines.push(format!("listening {kind} {}", bound.listening.address));
            if !bound.udp.is_empty() {
                lines.push(format!("listening quic {}", bound.listening.address));
            }
        }
        if let Some((_, address)) = &self.admin {
            lines.push(format!("listening admin {address}"));
        }
        let cleartext =
            self.plan.listeners.iter().zip(&self.listeners).find(|(listener, _)| listener.tls.is_none());
        if let Some((_, bound)) = cleartext.filter(|_| has_page) {
            lines.push(format!("open http://{}/ in a browser", bound.listening.address));
        }
        lines.push("ready\n".into());
        lines.join("\n")
    }

    /// Says on standard output where it can be reached, and serves until a signal ends it. `pages` are served beside what the plan says.
    pub(crate) fn run(self, pages: Option<Pages>) {
        let announcement = self.announcement(pages.is_some());
        let drain = Drain::new();
        let limit = self.plan.drain_timeout;
        let log = self.access_log.clone();
        let running = Running::new(self.plan, self.metrics.clone(), self.access_log, drain.clone(), pages);
        let running = Arc::new(running);
        let (services, dealer) = workers(&running);
        let mut server = Server::new_with_opt_and_conf(None, server_conf());
        for service in services {
            server.add_service(service);
        }
        let mut renewals = Vec::new();
        for (listener, bound) in running.plan.listeners.iter().zip(self.listeners) {
            let listening = bound.listening;
            renewals.extend(Renewal::of(listener, &listening, &self.metrics));
            server.add_service(TcpAccept {
                socket: Some(bound.tcp),
                listening: listening.clone(),
                dealer: dealer.clone(),
                drain: drain.clone(),
            });
            for (number, socket) in (0..).zip(bound.udp) {
                let (listening, dealer, drain) = (listening.clone(), dealer.clone(), drain.clone());
                server.add_service(QuicAccept { socket: Some(socket), number, listening, dealer, drain });
            }
        }
        let reload = watch::Sender::new(0);
        if !renewals.is_empty() {
            server.add_service(RenewalService { renewals, asked: reload.subscribe() });
        }
        if let Some(service) = DescriptorService::new(&running) {
            server.add_service(service);
        }
        if let Some((socket, _)) = self.admin {
            server.add_service(Admin::new(socket, running.clone()));
        }
        self.metrics.live.set(1);
        server.bootstrap();
        let ready = Box::new(move || -> BoxFuture<'static, ()> {
            let (running, announcement) = (running.clone(), announcement.clone());
            Box::pin(async move {
                let _ = tokio::time::timeout(FIRST_DESCRIPTORS, running.descriptors.asked()).await;
                let mut out = io::stdout().lock();
                // Nobody may be reading; the gateway serves all the same.
                let _ = out.write_all(announcement.as_bytes()).and_then(|()| out.flush());
            })
        });
        server.run(RunArgs { shutdown_signal: Box::new(DrainThenStop { drain, limit, reload, ready }) });
        log.close();
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
