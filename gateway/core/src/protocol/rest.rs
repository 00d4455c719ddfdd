//! REST with JSON: HTTP requests that `google.api.http` rules bind to methods.
//!
//! Source: <https://github.com/googleapis/googleapis/blob/master/google/api/http.proto>.

mod path;
pub mod template;
mod trie;
