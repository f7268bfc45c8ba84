//! The runtime that a hub runs on.

/// Most worker threads; the loops share what they do evenly.
pub const WORKERS_MAX: usize = 8;

/// A runtime with one worker less than the machine has processors, up to [`WORKERS_MAX`]: the
/// store's thread is as busy as a worker, and a worker that has to wait for it costs two turns.
///
/// # Errors
/// When the system gives no threads.
pub fn build() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.saturating_sub(1).clamp(1, WORKERS_MAX))
        .thread_name("ieum")
        .enable_all()
        .build()
}
