//! The demo tells what it serves, to the gateway and to whoever calls it with grpcurl and the like.

use std::sync::LazyLock;

use bytes::Bytes;
use prost_reflect::{DescriptorPool, FileDescriptor};
use protox::Compiler;
use protox::file::{File, FileResolver, GoogleFileResolver};
use sluicegate_core::schema::bundled;
use sluicegate_core::status::Code;

use super::message::PROTO;
use crate::descriptors::reflection::message::{
    Answer, ErrorResponse, FileDescriptorResponse, ListServiceResponse, Question, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};

/// The methods of both versions of the service. They are the same but for the name.
pub(super) const METHODS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

const NAME: &str = "demo.proto";

/// The answer to one question.
pub(super) fn answer(request: ServerReflectionRequest) -> ServerReflectionResponse {
    let answer = match &request.question {
        Some(Question::ListServices(_)) => {
            let service =
                POOL.services().map(|service| ServiceResponse { name: service.full_name().to_owned() });
            Answer::Services(ListServiceResponse { service: service.collect() })
        }
        Some(Question::FileByFilename(name)) => file(POOL.get_file_by_name(name)),
        Some(Question::FileContainingSymbol(symbol)) => file(containing(symbol)),
        None => error(Code::Unimplemented, "the demo has no extensions"),
    };
    ServerReflectionResponse { original_request: Some(request), answer: Some(answer) }
}

fn file(found: Option<FileDescriptor>) -> Answer {
    match found {
        Some(file) => {
            let file_descriptor_proto = vec![Bytes::from(file.encode_to_vec())];
            Answer::Files(FileDescriptorResponse { file_descriptor_proto })
        }
        None => error(Code::NotFound, "the demo has no such thing"),
    }
}

fn error(code: Code, message: &str) -> Answer {
    Answer::Error(ErrorResponse { error_code: code.number().into(), error_message: message.to_owned() })
}

/// The file that has a service, a method of one, or a message.
fn containing(symbol: &str) -> Option<FileDescriptor> {
    let message = || POOL.get_message_by_name(symbol).map(|message| message.parent_file());
    let service = |name: &str| POOL.get_service_by_name(name).map(|service| service.parent_file());
    let method = || {
        let (parent, name) = symbol.rsplit_once('.')?;
        let of = POOL.get_service_by_name(parent)?;
        of.methods().any(|method| method.name() == name).then(|| of.parent_file())
    };
    service(symbol).or_else(message).or_else(method)
}

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut compiler = Compiler::with_file_resolver(Demo);
    #[allow(clippy::expect_used, reason = "the file is a constant, which a test compiles")]
    compiler.open_file(NAME).expect("the demo's file compiles");
    compiler.descriptor_pool()
});

#[derive(Debug)]
struct Demo;

impl FileResolver for Demo {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match (name, bundled::source(name)) {
            (NAME, _) => File::from_source(NAME, PROTO),
            (_, Some(source)) => File::from_source(name, source),
            (_, None) => GoogleFileResolver::new().open_file(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: Option<Question>, expected: &str) {
        let request = ServerReflectionRequest { question };
        let response = answer(request.clone());
        assert_eq!(response.original_request, Some(request));
        let found = match response.answer.unwrap() {
            Answer::Services(list) => {
                list.service.into_iter().map(|service| service.name).collect::<Vec<_>>().join(" ")
            }
            Answer::Files(files) => {
                let mut pool = bundled::pool();
                let known = pool.files().len();
                pool.decode_file_descriptor_proto(files.file_descriptor_proto[0].clone()).unwrap();
                pool.files().skip(known).map(|file| file.name().to_owned()).collect::<Vec<_>>().join(" ")
            }
            Answer::Error(error) => error.error_code.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn answers_every_question() {
        let symbol = |name: &str| Some(Question::FileContainingSymbol(name.to_owned()));
        check(Some(Question::ListServices("*".to_owned())), "demo.v1.Demo demo.v1.Vault");
        check(Some(Question::FileByFilename("demo.proto".to_owned())), "demo.proto");
        check(Some(Question::FileByFilename("other.proto".to_owned())), "5");
        for known in ["demo.v1.Demo", "demo.v1.Vault.Open", "demo.v1.SayRequest"] {
            check(symbol(known), "demo.proto");
        }
        for unknown in ["demo.v1.Other", "demo.v1.Demo.Open", "demo", ""] {
            check(symbol(unknown), "5");
        }
        check(None, "12");
    }
}
