//! What is known of the services behind the gateway, from their descriptors.
//!
//! A schema is made whole and never changes; a new one takes its place. Without descriptors it is empty, and all that
//! needs none still works.

pub mod bundled;
pub(crate) mod details;
pub mod json;
pub mod openapi;

use std::collections::HashMap;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};

use self::json::JsonOptions;
use crate::path::MethodPath;
use crate::protocol::rest::Bindings;

/// Descriptors, and how what they describe is written as JSON.
#[derive(Clone, Debug)]
pub struct Source {
    /// The descriptors.
    pub pool: DescriptorPool,
    /// The JSON of their messages.
    pub json: JsonOptions,
}

/// The methods that descriptors tell of.
#[derive(Debug, Default)]
pub struct Schema {
    /// By `package.Service/Method`.
    methods: HashMap<Box<str>, Arc<Method>>,
    bindings: Bindings,
}

impl Schema {
    /// The schema of these descriptors. Where two sources have a method of one name, the first counts.
    pub fn new(sources: &[Source]) -> Schema {
        let mut methods = HashMap::new();
        for source in sources {
            for service in source.pool.services() {
                for descriptor in service.methods() {
                    let name = format!("{}/{}", service.full_name(), descriptor.name());
                    let index = methods.len();
                    methods
                        .entry(name.into())
                        .or_insert_with(|| Arc::new(Method::new(index, descriptor, source.json)));
                }
            }
        }
        let mut in_order: Vec<&Arc<Method>> = methods.values().collect();
        in_order.sort_unstable_by_key(|method| method.index);
        let bindings = Bindings::new(in_order);
        Schema { methods, bindings }
    }

    /// Which HTTP requests call which methods, and the `google.api.http` rules that cannot be used.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// The method that a call is for, if it is known.
    pub fn method(&self, path: &MethodPath) -> Option<&Arc<Method>> {
        if self.methods.is_empty() { None } else { self.methods.get(path.full_name()) }
    }

    /// All methods, in no order.
    pub fn methods(&self) -> impl Iterator<Item = &Arc<Method>> {
        self.methods.values()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty()
    }
}

/// One method.
#[derive(Debug)]
pub struct Method {
    /// Its place among the methods of the schema, below their number.
    pub index: usize,
    /// How many messages each side sends.
    pub kind: MethodKind,
    /// Whether it is declared to have no side effects, so that a GET may call it.
    pub no_side_effects: bool,
    /// Its descriptor.
    pub descriptor: MethodDescriptor,
    /// How its messages are written as JSON.
    pub json: JsonOptions,
}

impl Method {
    fn new(index: usize, descriptor: MethodDescriptor, json: JsonOptions) -> Method {
        let kind = match (descriptor.is_client_streaming(), descriptor.is_server_streaming()) {
            (false, false) => MethodKind::Unary,
            (true, false) => MethodKind::ClientStreaming,
            (false, true) => MethodKind::ServerStreaming,
            (true, true) => MethodKind::BidiStreaming,
        };
        let options = descriptor.method_descriptor_proto().options.as_ref();
        let no_side_effects = options.is_some_and(|options| {
            options.idempotency_level()
                == prost_reflect::prost_types::method_options::IdempotencyLevel::NoSideEffects
        });
        Method { index, kind, no_side_effects, descriptor, json }
    }

    /// What a request message is.
    pub fn input(&self) -> MessageDescriptor {
        self.descriptor.input()
    }

    /// What a response message is.
    pub fn output(&self) -> MessageDescriptor {
        self.descriptor.output()
    }
}

/// How many messages each side of a method sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// One and one.
    Unary,
    /// Many from the client, one from the server.
    ClientStreaming,
    /// One from the client, many from the server.
    ServerStreaming,
    /// Many and many.
    BidiStreaming,
}

impl MethodKind {
    /// Whether the client sends exactly one message.
    pub fn has_one_request(self) -> bool {
        matches!(self, MethodKind::Unary | MethodKind::ServerStreaming)
    }

    /// Whether the server sends exactly one message when all goes well.
    pub fn has_one_response(self) -> bool {
        matches!(self, MethodKind::Unary | MethodKind::ClientStreaming)
    }
}
