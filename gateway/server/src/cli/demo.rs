//! `sluicegate demo`: the gateway in front of two instances of an embedded service, and a page to open.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;

use super::Addresses;
use super::dev::{CORS, start};
use crate::demo::service;

/// The names of the two instances, which every reply carries.
const BACKENDS: [&str; 2] = ["backend-a", "backend-b"];
/// The key that opens `demo.v1.Vault`; the page is given it to show a refusal and its cure.
const API_KEY: &str = "open-sesame";

/// The routes: one that is guarded, two that are limited, one of them so that it can be seen, and one for REST and the rest.
fn routes() -> String {
    format!(
        r#"
[[routes]]
name = "vault"
services = ["demo.v1.Vault"]
cluster = "demo"
filters = [{CORS}, {{ use = "api_key", keys = [{{ identity = "demo", key = "{API_KEY}" }}] }}]

[[routes]]
name = "limited"
services = ["demo.v1.Demo"]
headers = {{ x-demo-limit = {{ present = true }} }}
cluster = "demo"
filters = [{CORS}, {{ use = "rate_limit", key = "address", rate = 5, per = "5s" }}]

[[routes]]
name = "demo"
methods = ["/demo.v1.Demo/Say", "/demo.v1.Demo/Count", "/demo.v1.Demo/Sum", "/demo.v1.Demo/Chat"]
cluster = "demo"
filters = [{CORS}, {{ use = "rate_limit", key = "address", rate = 1000, per = "1s" }}]

[[routes]]
name = "rest"
services = ["*"]
cluster = "demo"
filters = [{CORS}]
"#
    )
}

/// Runs the demo.
pub(super) fn demo(addresses: &Addresses) -> ExitCode {
    let backends = match backends() {
        Ok(backends) => backends,
        Err(error) => {
            log::error!("cannot start the demo's service: {error}");
            return ExitCode::FAILURE;
        }
    };
    let endpoints: Vec<_> = backends.iter().map(|address| format!("\"http://{address}\"")).collect();
    let clusters = format!(
        "[[clusters]]\nname = \"demo\"\nbalance = \"round_robin\"\nendpoints = [{}]\n\
         descriptors = {{ reflection = true }}\n",
        endpoints.join(", ")
    );
    start(addresses, &routes(), &clusters, Some(API_KEY))
}

/// Starts the instances on a thread of their own, as if they were other programs.
fn backends() -> std::io::Result<Vec<SocketAddr>> {
    let (ready, addresses) = mpsc::channel();
    std::thread::Builder::new().name("demo-service".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let served = runtime.and_then(|runtime| {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for name in BACKENDS {
                    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
                    // The receiver waits for all of them, so it is still there.
                    let _ = ready.send(listener.local_addr());
                    tasks.spawn(service::serve(listener, name, std::future::pending()));
                }
                while tasks.join_next().await.is_some() {}
                Ok(())
            })
        });
        if let Err(error) = served {
            // As above; if it is gone, so is the demo.
            let _ = ready.send(Err(error));
        }
    })?;
    BACKENDS
        .iter()
        .map(|_| addresses.recv().unwrap_or_else(|_| Err(std::io::Error::other("the service ended"))))
        .collect()
}
