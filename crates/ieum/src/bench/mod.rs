//! Benchmarks that a reader can repeat: `ieum bench ...`.
//!
//! Not micro-benchmarks; whole processes over real sockets and disks. Invariant: the measured hub
//! is a process of its own, and everything that is counted is counted outside of it.

pub mod calls;
pub mod child;
pub mod detect;
pub mod fill;
pub mod generator;
pub mod hub;
pub mod ledger;
pub mod library;
pub mod machine;
pub mod pages;
pub mod peer;
pub mod relay;
pub mod rest;
pub mod sink;
pub mod wire;
pub mod world;
