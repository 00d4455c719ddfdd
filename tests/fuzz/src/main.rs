//! Feeds libFuzzer's inputs to one of the decoders. `tests/fuzz/run` builds and runs it.
//!
//! The targets are in the crates whose decoders they try, in a module `fuzzing` each: they reach what is private
//! there, and the tests of those crates replay the corpus. Here is only what needs libFuzzer.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod feed;

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    // Whoever builds all of the workspace builds this too, without libFuzzer.
    #[expect(clippy::print_stderr, reason = "it has nothing else to do")]
    {
        eprintln!("this is not a fuzzer's build; use tests/fuzz/run");
    }
    std::process::ExitCode::FAILURE
}
