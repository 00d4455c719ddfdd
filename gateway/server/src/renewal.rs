//! Certificates that are renewed while the gateway runs.
//!
//! When the files of a listener's TLS change, or on SIGHUP, all of them are read again. If they make a certificate with
//! its key, and authorities if there are any, handshakes that begin from then on use it, over TCP and QUIC alike.
//! Otherwise what is in use stays. Connections that are open never notice.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::front::listener::Listening;
use crate::observe::listeners::TlsMetrics;
use crate::observe::metrics::Metrics;
use crate::plan::Listener;
use crate::tls::{Fingerprint, ServerTls, TlsFiles};
use crate::watch::{PATIENCE, Place, QUIET, Watch};

/// A listener whose certificate comes from files.
pub(crate) struct Renewal {
    /// Where it listens, as configured.
    name: String,
    listening: Arc<Listening>,
    files: TlsFiles,
    metrics: TlsMetrics,
}

/// Follows the files of all listeners. It has a thread of its own, so that reading holds no call up.
pub(crate) struct RenewalService {
    pub(crate) renewals: Vec<Renewal>,
    /// Changes at each SIGHUP.
    pub(crate) asked: watch::Receiver<u64>,
}

#[async_trait]
impl Service for RenewalService {
    async fn start_service(&mut self, _: Option<ListenFds>, mut shutdown: ShutdownWatch, _: usize) {
        let mut following = JoinSet::new();
        for renewal in self.renewals.drain(..) {
            following.spawn(renewal.follow(self.asked.clone()));
        }
        // Files are followed until the process ends.
        let _ = shutdown.changed().await;
    }

    fn name(&self) -> &str {
        "certificates"
    }

    fn threads(&self) -> Option<usize> {
        Some(1)
    }
}

/// What is known of the files of one listener.
struct Known {
    /// What they held when they made the certificate that is in use.
    used: Fingerprint,
    /// What they held when they were last looked at.
    seen: Fingerprint,
}

impl Renewal {
    /// What keeps the certificate of a listener current, if it has one from files.
    pub(crate) fn of(plan: &Listener, listening: &Arc<Listening>, metrics: &Metrics) -> Option<Renewal> {
        let name = plan.address.to_string();
        let metrics = metrics.listeners.tls(&name);
        metrics.expires(plan.tls.as_ref()?.validity.until);
        let files = plan.tls_files.clone()?;
        Some(Renewal { name, listening: listening.clone(), files, metrics })
    }

    async fn follow(self, mut asked: watch::Receiver<u64>) {
        let mut watch =
            Watch::new(&format!("certificate of {}", self.name), self.files.paths().map(Place::File));
        // Between planning and now, files may have changed.
        let mut known = Known { used: self.files.planned, seen: self.files.planned };
        let mut is_asked = false;
        loop {
            self.look(&mut known, is_asked).await;
            is_asked = tokio::select! {
                () = watch.settled() => false,
                // It can only fail once the process ends.
                Ok(()) = asked.changed() => true,
            };
        }
    }

    /// Uses what the files hold, if that is something new and good. What was found bad is tried again, and said again,
    /// only if somebody has asked.
    async fn look(&self, known: &mut Known, is_asked: bool) {
        let latest = Instant::now() + PATIENCE;
        loop {
            let found = self.files.fingerprint();
            if found == known.used || (found == known.seen && !is_asked) {
                if is_asked {
                    log::info!("{}: the certificate in its files is in use already", self.name);
                }
                known.seen = found;
                return;
            }
            let (found, read) = self.files.read();
            match read {
                // Perhaps somebody is about to write the key to this certificate.
                Err(_) if Instant::now() < latest => tokio::time::sleep(QUIET).await,
                read => {
                    known.seen = found;
                    let used = read.map_err(|bad| bad.to_string()).and_then(|tls| self.renew(&tls));
                    match used {
                        Ok(()) => known.used = found,
                        Err(why) => {
                            self.metrics.failures.inc();
                            log::warn!("{}: the certificate stays as it was: {why}", self.name);
                        }
                    }
                    return;
                }
            }
        }
    }

    fn renew(&self, tls: &ServerTls) -> Result<(), String> {
        self.listening.set_tls(tls).map_err(|error| error.to_string())?;
        self.metrics.expires(tls.validity.until);
        self.metrics.reloads.inc();
        log::info!("{}: handshakes use another certificate from now on", self.name);
        if let Some((doubt, hint)) = tls.validity.doubts(SystemTime::now()) {
            log::warn!("{}: {doubt}; {hint}", self.name);
        }
        Ok(())
    }
}
