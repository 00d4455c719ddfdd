//! `datagrams` of `[[routes]]`.

use sluicegate_core::path::MethodPath;
use sluicegate_core::protocol::grpc_wt::datagram::Policy;
use toml::Spanned;

use crate::config::cluster::one_of;
use crate::config::section::Section;
use crate::config::value::{Misread, Text};

/// `datagrams = { methods = […], policy = "latest" }`.
#[derive(Debug)]
pub(crate) struct DatagramsConfig {
    pub(crate) methods: Vec<Spanned<MethodPath>>,
    pub(crate) policy: Policy,
}

impl DatagramsConfig {
    pub(in crate::config) fn read(mut section: Section<'_>) -> DatagramsConfig {
        let methods = section.require_some("methods");
        let policy = section.or("policy", Policy::Latest);
        section.finish();
        DatagramsConfig { methods, policy }
    }
}

impl Text for Policy {
    const EXPECTED: &'static str = "\"latest\" or \"all\"";

    fn parse(text: &str) -> Result<Policy, Misread> {
        one_of(text, "policy", &[("latest", Policy::Latest), ("all", Policy::All)])
    }
}
