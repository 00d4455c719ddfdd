//! placeholder
pub(crate) const MAX_MESSAGE: u32 = 4 << 20;
