//! What people may do for themselves: prove that an address is theirs, sign in, be found, be left
//! alone.
//!
//! Everything here is decided from the directory and `now`; what follows is returned as changes.
//! Invariant: nothing that a person did not prove or agree to changes who reaches whom.

pub mod code;
pub mod codes;
pub mod command;
pub mod contacts;
pub mod farewell;
pub mod group_command;
pub mod groups;
pub mod here;
pub mod links;
pub mod moderation;
pub mod passkeys;
pub mod push;
pub mod sessions;
pub mod terms;
pub mod withdrawal;
