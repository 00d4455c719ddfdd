//! `sluicegate dev --upstream URL`: every protocol in front of one gRPC server, without a configuration.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::protocol::grpc_wt;

use super::Addresses;
use super::run::{metrics, serve};
use crate::certificate::{DevCertificate, LOOPBACK};
use crate::demo::page::{self, Settings};
use crate::front::plain::{Page, Pages, SelfSigned};
use crate::gateway::Gateway;
use crate::observe::metrics::Metrics;
use crate::plan::{self, Plan, Sources};
use crate::tls::Certificate;

/// Lets pages of a developer's own web server call with whatever metadata they like. Browsers take `*` for every header but
/// `authorization`.
pub(super) const CORS: &str =
    r#"{ use = "cors", allow_origins = ["*"], allow_headers = ["*", "authorization"] }"#;

/// Runs a gateway in front of `upstream`.
pub(super) fn dev(upstream: &str, addresses: &Addresses) -> ExitCode {
    let routes = format!(
        "[[routes]]\nname = \"dev\"\nservices = [\"*\"]\ncluster = \"upstream\"\nfilters = [{CORS}]\n"
    );
    // A server without reflection costs a line in the log, and JSON.
    let clusters = format!(
        "[[clusters]]\nname = \"upstream\"\nendpoints = [{}]\ndescriptors = {{ reflection = true }}\n",
        toml_string(upstream)
    );
    start(addresses, &routes, &clusters, None)
}

/// Runs a gateway with a certificate made on the spot and these routes and clusters. With `api_key` the demo's services
/// are behind it.
pub(super) fn start(addresses: &Addresses, routes: &str, clusters: &str, api_key: Option<&str>) -> ExitCode {
    let certificate = match DevCertificate::generate(LOOPBACK) {
        Ok(certificate) => certificate,
        Err(error) => {
            log::error!("cannot make a certificate: {error}");
            return ExitCode::FAILURE;
        }
    };
    let hash = certificate.sha256_base64();
    let Some(metrics) = metrics() else { return ExitCode::FAILURE };
    match plan(addresses, routes, clusters, certificate, &metrics) {
        Ok(plan) => serve(plan, metrics, |gateway| pages(gateway, &hash, api_key)),
        Err(problems) => {
            log::error!("{problems}");
            ExitCode::FAILURE
        }
    }
}

fn plan(
    addresses: &Addresses,
    routes: &str,
    clusters: &str,
    certificate: DevCertificate,
    metrics: &Arc<Metrics>,
) -> Result<Plan, String> {
    let Addresses { listen, http, admin } = addresses;
    let text = format!(
        r#"drain_timeout = "5s"
[admin]
listen = "{admin}"
[[listeners]]
listen = "{listen}"
tls = {{ self_signed = true }}
quic = true
webtransport = {{ origins = ["*"] }}
websocket = {{ origins = ["*"] }}
openapi = "/openapi.json"
[[listeners]]
listen = "{http}"
websocket = {{ origins = ["*"] }}
openapi = "/openapi.json"
{routes}
{clusters}"#
    );
    let self_signed = Some(Certificate { chain: certificate.chain, key: certificate.key });
    let sources = Sources { kinds: sluicegate_filters::ALL, metrics: &metrics.filters, self_signed };
    let planned = plan::from_text("command line", &text, Path::new(""), &sources);
    planned.map(|(plan, _)| plan).map_err(|problems| problems.render(false))
}

/// The page that calls what is behind the gateway, and its settings, which depend on the ports that were bound.
fn pages(gateway: &Gateway, hash: &str, api_key: Option<&str>) -> Option<Pages> {
    let sessions = SelfSigned {
        address: gateway.addresses().next()?,
        path: grpc_wt::PATH,
        certificate_hashes: [hash.to_owned()],
    };
    let settings = Settings {
        demo: api_key.is_some(),
        webtransport_url: Some(sessions.url("localhost")),
        certificate_hash: Some(hash.to_owned()),
        api_key: api_key.map(str::to_owned),
    };
    let settings = Bytes::from(settings.to_json().ok()?);
    let find = move |path: &str| {
        let policy = Some(page::CONTENT_SECURITY_POLICY);
        if path == page::SETTINGS_PATH {
            return Some(Page { content_type: page::SETTINGS_TYPE, policy, body: settings.clone() });
        }
        let (content_type, body) = page::respond(path)?;
        Some(Page { content_type, policy, body: Bytes::from_static(body) })
    };
    Some(Pages { find: Box::new(find), sessions })
}

/// A TOML string, quoted.
fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
