//! A gRPC server that tells what it serves, true or not, and serves nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorProto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::frame::{Frames, message};

/// A server with `grpc.reflection`. Dropping it closes its listener and its connections.
#[derive(Debug)]
pub struct Reflector {
    address: SocketAddr,
    told: Arc<Mutex<Told>>,
    hang_up: Arc<Notify>,
    accepting: JoinHandle<()>,
}

/// What it tells.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// What it says that it serves, and the file in which it says that to be.
    pub services: BTreeMap<String, String>,
    /// Its files by name. There is no other.
    pub files: BTreeMap<String, Bytes>,
}

impl Told {
    /// The truth about these `.proto` files (name and text), all imports included.
    pub fn about(protos: &[(&str, &str)]) -> Told {
        let mut told = Told::default();
        for file in compile(protos).file {
            let package = file.package.as_deref().map_or(String::new(), |package| format!("{package}."));
            for service in &file.service {
                told.services.insert(format!("{package}{}", service.name()), file.name().to_owned());
            }
            told.add(&file);
        }
        told
    }

    /// Adds a file, whatever is in it.
    pub fn add(&mut self, file: &FileDescriptorProto) {
        self.files.insert(file.name().to_owned(), file.encode_to_vec().into());
    }
}

/// Compiles `.proto` files (name and text).
pub fn compile(protos: &[(&str, &str)]) -> protox::prost_reflect::prost_types::FileDescriptorSet {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), protos);
    protox::compile(protos.iter().map(|(name, _)| name), [folder.path()]).unwrap()
}

/// Writes `.proto` files (name and text) to a folder. Nobody sees one half written.
pub fn write(folder: &Path, protos: &[(&str, &str)]) {
    for (name, text) in protos {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }
}

impl Reflector {
    /// Starts a server that has `grpc.reflection.VERSION` only.
    pub async fn start(version: &str, told: Told) -> Reflector {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(told));
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let hang_up = Arc::new(Notify::new());
        let shared = (Arc::<str>::from(path), told.clone(), hang_up.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (path, told, hang_up) = shared.clone();
                connections.spawn(async move {
                    tokio::select! {
                        () = serve(socket, path, told) => {}
                        () = hang_up.notified() => {}
                    }
                });
            }
        });
        Reflector { address, told, hang_up, accepting }
    }

    /// Its URL, as a cluster's endpoint is written.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes every connection.
    pub fn hang_up(&self) {
        self.hang_up.notify_waiters();
    }

    /// Tells something else from now on.
    pub fn tell(&self, told: Told) {
        *self.told.lock().unwrap() = told;
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(socket: TcpStream, path: Arc<str>, told: Arc<Mutex<Told>>) {
    let Ok(mut connection) = h2::server::handshake(socket).await else { return };
    let mut calls = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        if request.uri().path() == &*path {
            calls.spawn(answer(request, respond, told.clone()));
        } else {
            let mut respond = respond;
            // Whoever has gone needs no answer.
            let _ = respond.send_response(response(Some("12")), true);
        }
    }
}

fn response(status: Option<&'static str>) -> Response<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    if let Some(status) = status {
        headers.insert("grpc-status", HeaderValue::from_static(status));
    }
    response
}

/// Answers one question after the other. It sends its head with the first answer, as some servers do.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, told: Arc<Mutex<Told>>) {
    let mut body = request.into_body();
    let mut frames = Frames::default();
    let mut send = None;
    while let Some(Ok(bytes)) = body.data().await {
        let _ = body.flow_control().release_capacity(bytes.len());
        frames.push(&bytes);
        while let Some((_, question)) = frames.pop() {
            let question = ReflectionRequest::decode(question).unwrap();
            let answer = told.lock().unwrap().answer(&question);
            if send.is_none() {
                send = respond.send_response(response(None), false).ok();
            }
            let Some(send) = &mut send else { return };
            if send.send_data(message(&answer.encode_to_vec()), false).is_err() {
                return;
            }
        }
    }
    if let Some(mut send) = send {
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let _ = send.send_trailers(trailers);
    }
}

impl Told {
    fn answer(&self, question: &ReflectionRequest) -> ReflectionResponse {
        let file = |name: Option<&String>| match name.and_then(|name| self.files.get(name)) {
            Some(file) => {
                ReflectionResponse { files: Some(Files { file: vec![file.clone()] }), ..Default::default() }
            }
            None => ReflectionResponse {
                error: Some(Error { code: 5, message: "not found".to_owned() }),
                ..Default::default()
            },
        };
        match question {
            ReflectionRequest { file_by_filename: Some(name), .. } => file(Some(name)),
            ReflectionRequest { file_containing_symbol: Some(name), .. } => file(self.services.get(name)),
            _ => {
                let service = self.services.keys().map(|name| Service { name: name.clone() }).collect();
                ReflectionResponse { services: Some(Services { service }), ..Default::default() }
            }
        }
    }
}

// A oneof looks on the wire like fields of which at most one is there.
#[derive(Clone, PartialEq, prost::Message)]
struct ReflectionRequest {
    #[prost(string, optional, tag = "3")]
    file_by_filename: Option<String>,
    #[prost(string, optional, tag = "4")]
    file_containing_symbol: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReflectionResponse {
    #[prost(message, optional, tag = "4")]
    files: Option<Files>,
    #[prost(message, optional, tag = "6")]
    services: Option<Services>,
    #[prost(message, optional, tag = "7")]
    error: Option<Error>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Files {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Services {
    #[prost(message, repeated, tag = "1")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Error {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}
