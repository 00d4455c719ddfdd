//! stub
use super::*;
pub(super) const PROTOCOL: Protocol =
    Protocol { name: "grpc_web", recognise: |_| false, open: |_| unreachable!() };
