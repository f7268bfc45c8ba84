//! What is wrong with a configuration, as sentences that open with the name of the key.
//!
//! Not the reading of a configuration. Invariant: all complaints come at once, in the order of the
//! checks, and none repeats what was configured.

/// The sentences of the checks that do not hold.
pub(crate) fn complaints<const CHECKS: usize>(
    checks: [(bool, &'static str); CHECKS],
) -> Vec<&'static str> {
    checks.into_iter().filter_map(|(holds, sentence)| (!holds).then_some(sentence)).collect()
}
