//! Which of a route's methods may have messages that travel in datagrams.

use sluicegate_core::path::MethodPath;
use sluicegate_core::protocol::grpc_wt::datagram::Policy;

/// The methods of a route whose messages may travel in datagrams.
#[derive(Debug)]
pub struct Datagrams {
    pub(crate) methods: Vec<MethodPath>,
    pub(crate) policy: Policy,
}

impl Datagrams {
    /// Which of a call's datagrams are passed on; `None` if it may have none.
    pub fn policy_of(&self, path: &MethodPath) -> Option<Policy> {
        let is_named = self.methods.iter().any(|named| named.full_name() == path.full_name());
        is_named.then_some(self.policy)
    }
}
