//! What `HttpProxy` does with a request: a page of the gateway's own, an endpoint of an `http` cluster, or 404.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, header};
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{HttpProxy, ProxyHttp, Session, http_proxy};
use sluicegate_core::path::MethodPath;
use sluicegate_core::protocol::grpc_wt::probe_json;
use tokio::time::timeout;

use crate::front::door::{Door, host_of};
use crate::front::h1::DRAIN_TIMEOUT;
use crate::route::Route;

/// The largest message that a client should send, as the probe tells it: the default limit of a route.
const MAX_MESSAGE: u32 = 4 << 20;

/// The proxy for requests that are not RPCs.
pub(crate) type Sites = HttpProxy<Site>;

/// Makes the proxy.
pub(crate) fn sites(pages: Option<Pages>) -> Arc<Sites> {
    Arc::new(http_proxy(&Arc::new(ServerConf::default()), Site { pages }))
}

/// Pages of the gateway's own, by path.
pub(crate) type Pages = Box<dyn Fn(&str) -> Option<Page> + Send + Sync>;

/// A page of the gateway's own.
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    /// `content-security-policy`.
    pub(crate) policy: Option<&'static str>,
    pub(crate) body: Bytes,
}

/// What `HttpProxy` asks for each request.
pub(crate) struct Site {
    pages: Option<Pages>,
}

#[async_trait]
impl ProxyHttp for Site {
    /// The route of the request.
    type CTX = Option<Arc<Route>>;

    fn new_ctx(&self) -> Option<Arc<Route>> {
        None
    }

    fn init_downstream_modules(&self, _: &mut pingora_core::modules::http::HttpModules) {
        // The default would compress responses; whether to do so is the site's business.
    }

    fn on_connection_reuse(
        &self,
        session: &mut Session,
        _: &mut Option<Arc<Route>>,
        context: Box<dyn Any + Send + Sync>,
    ) {
        // Set by `serve_session` before the request was read.
        if let Ok(door) = context.downcast::<Arc<Door>>() {
            session.req_header_mut().extensions_mut().insert(*door);
        }
    }

    async fn request_filter(&self, session: &mut Session, route: &mut Option<Arc<Route>>) -> Result<bool> {
        let request = session.req_header();
        let Some(door) = request.extensions.get::<Arc<Door>>().cloned() else {
            return Error::e_explain(ErrorType::InternalError, "a request that came in through no door");
        };
        let path = request.uri.path().to_owned();
        if matches!(request.method, Method::GET | Method::HEAD)
            && let Some(page) = self.page(&door, &path)
        {
            return respond(session, 200, page).await;
        }
        let host = host_of(request_host(request)).to_ascii_lowercase();
        *route = door.worker.running.plan.routes.find_http(&host, &path, &request.headers).cloned();
        if route.is_none() {
            // A request that would be a call if its content type were an RPC's is told so.
            let routes = &door.worker.running.plan.routes;
            let method = (request.method == Method::POST).then(|| MethodPath::parse_str(&path)).flatten();
            let (status, text) = match method.is_some_and(|method| routes.find_path(&host, &method).is_some())
            {
                true => (415, "the content type is not that of an RPC\n"),
                false => (404, "not found\n"),
            };
            return respond(
                session,
                status,
                Page { content_type: "text/plain", policy: None, body: text.into() },
            )
            .await;
        }
        Ok(false)
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        route: &mut Option<Arc<Route>>,
    ) -> Result<Box<HttpPeer>> {
        let door = session.req_header().extensions.get::<Arc<Door>>().cloned();
        let (Some(door), Some(route)) = (door, route) else {
            return Error::e_explain(ErrorType::InternalError, "no route");
        };
        let picked = route.clusters.pick(fastrand::u32(..));
        let Some(cluster) = door.worker.running.clusters.get(picked.cluster) else {
            return Error::e_explain(ErrorType::InternalError, "no cluster");
        };
        let index = cluster.choose(door.worker.index, 0);
        let Some(endpoint) = index.and_then(|index| cluster.endpoints.get(index)) else {
            return Error::e_explain(ErrorType::ConnectNoRoute, "no endpoint");
        };
        let tls = cluster.spec.tls.is_some();
        let host = endpoint.authority.host();
        let port = endpoint.authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let sni = cluster.spec.server_name.as_deref().unwrap_or(host).to_owned();
        let address = tokio::net::lookup_host((host.trim_matches(['[', ']']), port))
            .await
            .ok()
            .and_then(|mut addresses| addresses.next());
        let Some(address) = address else {
            return Error::e_explain(ErrorType::ConnectNoRoute, "the upstream's name cannot be resolved");
        };
        let mut peer = HttpPeer::new(address, tls, sni);
        peer.options.connection_timeout = Some(cluster.spec.connect_timeout);
        peer.options.total_connection_timeout = Some(cluster.spec.connect_timeout);
        // A site that says nothing for as long as a connection may be idle is not waited for any longer.
        let patience = Some(door.listening.limits.idle_timeout);
        peer.options.read_timeout = patience;
        peer.options.write_timeout = patience;
        Ok(Box::new(peer))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        _: &mut Option<Arc<Route>>,
    ) -> Result<()> {
        if let Some(door) = session.req_header().extensions.get::<Arc<Door>>() {
            request.insert_header("x-forwarded-for", door.address.ip().to_string())?;
            request.insert_header("x-forwarded-proto", if door.secure { "https" } else { "http" })?;
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        _: &mut Option<Arc<Route>>,
    ) -> Result<()> {
        if let Some(alt_svc) = alt_svc(session) {
            response.insert_header(header::ALT_SVC, alt_svc)?;
        }
        Ok(())
    }
}

impl Site {
    fn page(&self, door: &Door, path: &str) -> Option<Page> {
        let webtransport = door.listening.webtransport.as_ref().map(|webtransport| &*webtransport.path);
        let websocket = door.listening.websocket.as_ref().map(|websocket| &*websocket.path);
        if [webtransport, websocket].contains(&Some(path)) {
            let datagrams = webtransport.is_some() && door.worker.running.plan.routes.has_datagrams();
            let probe = probe_json(webtransport.is_some(), websocket, MAX_MESSAGE, datagrams);
            return Some(Page { content_type: "application/json", policy: None, body: probe });
        }
        if door.listening.openapi.as_deref() == Some(path) {
            let body = door.worker.running.schema.load().openapi();
            return Some(Page { content_type: "application/json", policy: None, body });
        }
        self.pages.as_ref()?(path)
    }
}

fn request_host(request: &RequestHeader) -> &str {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| request.uri.authority().map(|authority| authority.as_str())).unwrap_or_default()
}

fn alt_svc(session: &Session) -> Option<http::HeaderValue> {
    session.req_header().extensions.get::<Arc<Door>>().and_then(|door| door.listening.alt_svc.clone())
}

async fn respond(session: &mut Session, status: u16, page: Page) -> Result<bool> {
    let Page { content_type, policy, body } = page;
    let mut head = ResponseHeader::build(status, Some(6))?;
    head.insert_header(header::CONTENT_LENGTH, body.len())?;
    head.insert_header(header::CONTENT_TYPE, content_type)?;
    head.insert_header(header::CACHE_CONTROL, "no-cache")?;
    if let Some(policy) = policy {
        head.insert_header(header::CONTENT_SECURITY_POLICY, policy)?;
    }
    if let Some(alt_svc) = alt_svc(session) {
        head.insert_header(header::ALT_SVC, alt_svc)?;
    }
    let head_only = session.req_header().method == Method::HEAD || body.is_empty();
    session.write_response_header(Box::new(head), head_only).await?;
    if !head_only {
        session.write_response_body(Some(body), true).await?;
    }
    let connection = &mut session.downstream_session;
    if connection.as_http1().is_some() {
        // Pingora would close the connection with the request's body unread, which resets it.
        connection.finish_body().await?;
        let _ = timeout(DRAIN_TIMEOUT, connection.drain_request_body()).await;
    }
    Ok(true)
}
