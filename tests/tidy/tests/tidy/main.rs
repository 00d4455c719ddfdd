//! What CONTRIBUTING.md and docs/architecture.md promise about the repository, as far as a program can check it.
//!
//! Everything here reads the files that git knows, so work in progress that was not added yet is left alone.

// A test may fail loudly, and so may what it is made of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod arrows;
mod links;
mod names;
mod repository;
mod sources;

/// Fails with every finding at once.
fn assert_none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}
