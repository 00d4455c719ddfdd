//! The `sluicegate` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluicegate_server::cli::main()
}
