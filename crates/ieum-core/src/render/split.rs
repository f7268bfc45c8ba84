//! Splitting a text that is longer than a network carries.
