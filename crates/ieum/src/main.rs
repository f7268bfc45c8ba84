//! The `ieum` program; everything is in the library beside it.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A message costs many small blocks that one thread makes and another frees.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ieum::cli::main()
}
