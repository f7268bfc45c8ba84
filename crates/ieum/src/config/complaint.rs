//! What is wrong with a configuration file, told so that it can be mended in one go.
//!
//! Invariant: a complaint shows keys, line numbers and what is expected, never a value that may
//! be a secret.

use std::fmt;

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Complaint {
    /// Line in the file, counted from one, where it can be told.
    pub line: Option<usize>,
    /// Path of the key, such as `account[2].bot_token`.
    pub key: String,
    /// What is wrong and what is expected.
    pub text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[serde(transparent)]
pub struct Complaints(pub Vec<Complaint>);

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let things = if self.0.len() == 1 { "thing" } else { "things" };
        write!(f, "{} {things} to mend in the configuration:", self.0.len())?;
        self.0.iter().try_for_each(|complaint| write!(f, "\n  {complaint}"))
    }
}
