//! Rendering: canonical content made to fit what a network can carry.

pub mod measure;
pub mod split;
