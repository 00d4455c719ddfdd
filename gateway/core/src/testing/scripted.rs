//! Runs one filter against a scripted call, without a gateway.
