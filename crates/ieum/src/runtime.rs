//! The runtime that a hub runs on.

/// Most worker threads; the store has one of its own, and the loops share what they do evenly.
pub const WORKERS_MAX: usize = 8;

/// A runtime with as many workers as the machine has processors, up to [`WORKERS_MAX`].
///
/// # Errors
/// When the system gives no threads.
pub fn build() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(WORKERS_MAX))
        .thread_name("ieum")
        .enable_all()
        .build()
}
