//! The roof: command line, configuration, the real doors and the wiring of all floors.
//!
//! Nothing is decided about messages here. Invariant: only this crate reads the environment, the
//! wall clock and the operating system's randomness, each in one file.

pub mod bench;
pub mod cli;
pub mod command;
pub mod config;
pub mod data_folder;
pub mod demo;
pub mod doors;
pub mod logs;
mod mark;
pub mod push;
pub mod runtime;
mod scenario;
pub mod simulate;
pub mod stop;
pub mod store;
pub mod telling;
pub mod wiring;
