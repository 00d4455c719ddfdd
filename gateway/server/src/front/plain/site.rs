//! What `HttpProxy` does with a request: a page of the gateway's own, an endpoint of an `http` cluster, or 404.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{HttpProxy, ProxyHttp, Session, http_proxy};
use sluicegate_core::path::MethodPath;
use tokio::time::timeout;

use super::probe::{SelfSigned, probe};
use super::ticket::TicketRequest;
use crate::front::door::{Door, host_of};
use crate::front::h1::DRAIN_TIMEOUT;
use crate::route::Route;

/// The proxy for requests that are not RPCs.
pub(crate) type Sites = HttpProxy<Site>;

/// Makes the proxy.
pub(crate) fn sites(pages: Option<Pages>) -> Arc<Sites> {
    Arc::new(http_proxy(&Arc::new(ServerConf::default()), Site { pages }))
}

/// Finds pages of the gateway's own by path.
pub(crate) type FindPage = Box<dyn Fn(&str) -> Option<Page> + Send + Sync>;

/// What a gateway that was started for development serves besides what its plan says.
pub(crate) struct Pages {
    pub(crate) find: FindPage,
    /// Where its sessions open.
    pub(crate) sessions: SelfSigned,
}

/// A page of the gateway's own.
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    /// `content-security-policy`.
    pub(crate) policy: Option<&'static str>,
    pub(crate) body: Bytes,
}

/// An answer of the gateway's own.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// An answer with a body of this type.
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Answer { status, headers, body: body.into() }
    }
}

impl From<Page> for Answer {
    fn from(Page { content_type, policy, body }: Page) -> Answer {
        let mut answer = Answer::new(StatusCode::OK, content_type, body);
        if let Some(policy) = policy {
            answer.headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        answer
    }
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
        let host = host_of(request_host(request)).to_ascii_lowercase();
        if let Some(asked) = TicketRequest::of(&door, request, &host) {
            let answer = asked.answer(&door).await;
            return respond(session, answer).await;
        }
        if matches!(request.method, Method::GET | Method::HEAD)
            && let Some(answer) = self.answer(&door, request, &host)
        {
            return respond(session, answer).await;
        }
        *route = door.worker.running.plan.routes.find_http(&host, &path, &request.headers).cloned();
        if route.is_none() {
            // A request that would be a call if its content type were an RPC's is told so.
            let routes = &door.worker.running.plan.routes;
            let method = (request.method == Method::POST).then(|| MethodPath::parse_str(&path)).flatten();
            let (status, text) = match method.is_some_and(|method| routes.find_path(&host, &method).is_some())
            {
                true => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type is not that of an RPC\n"),
                false => (StatusCode::NOT_FOUND, "not found\n"),
            };
            return respond(session, Answer::new(status, "text/plain", text)).await;
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

    fn request_summary(&self, session: &Session, _: &Option<Arc<Route>>) -> String {
        let request = session.req_header();
        // For logs, and a query may hold a ticket, or a key of the site's.
        format!("{} {}, Host: {}", request.method, request.uri.path(), request_host(request))
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
    fn answer(&self, door: &Door, request: &RequestHeader, host: &str) -> Option<Answer> {
        let path = request.uri.path();
        let self_signed = self.pages.as_ref().map(|pages| &pages.sessions);
        if let Some(answer) = probe(door, self_signed, &request.uri, &request.headers, host) {
            return Some(answer);
        }
        if door.listening.openapi.as_deref() == Some(path) {
            let body = door.worker.running.schema.load().openapi();
            return Some(Answer::new(StatusCode::OK, "application/json", body));
        }
        let page = (self.pages.as_ref()?.find)(path)?;
        Some(page.into())
    }
}

fn request_host(request: &RequestHeader) -> &str {
    let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| request.uri.authority().map(|authority| authority.as_str())).unwrap_or_default()
}

fn alt_svc(session: &Session) -> Option<http::HeaderValue> {
    session.req_header().extensions.get::<Arc<Door>>().and_then(|door| door.listening.alt_svc.clone())
}

async fn respond(session: &mut Session, answer: Answer) -> Result<bool> {
    let Answer { status, headers, body } = answer;
    let mut head = ResponseHeader::build(status, Some(headers.len() + 3))?;
    if !headers.contains_key(header::CACHE_CONTROL) {
        head.insert_header(header::CACHE_CONTROL, "no-cache")?;
    }
    for (name, value) in &headers {
        head.append_header(name.clone(), value.clone())?;
    }
    // RFC 9110, section 8.6: no such response has one.
    if status != StatusCode::NO_CONTENT {
        head.insert_header(header::CONTENT_LENGTH, body.len())?;
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
