//! Which user has which user name, as far as they spoke since the start.
//!
//! Telegram names somebody who is called by `@name` in no other way, and tells nobody's number for
//! a name. Invariant: never more than [`HANDLES_MAX`] names are kept.

use crate::telegram::wire::User;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most user names that are kept; then all are forgotten and learnt anew.
const HANDLES_MAX: usize = 50_000;

/// User names, in lower case, and the numbers of those who had them last.
#[derive(Debug, Default)]
pub struct Handles(Mutex<HashMap<Box<str>, i64>>);

impl Handles {
    /// Takes in who has which name.
    pub(crate) fn learn(&self, user: &User) {
        let Some(name) = user.username.as_deref().filter(|_| !user.is_bot) else { return };
        let name = name.to_ascii_lowercase();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&*name) == Some(&user.id) {
            return;
        }
        if known.len() >= HANDLES_MAX {
            known.clear();
        }
        known.insert(name.into(), user.id);
    }

    /// The user with a name.
    pub(crate) fn user(&self, name: &str) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&*name.to_ascii_lowercase()).copied()
    }
}
