//! stub
use super::*;
pub(super) const PROTOCOL: Protocol =
    Protocol { name: "grpc_wt", recognise: |_| false, open: |_| unreachable!() };
