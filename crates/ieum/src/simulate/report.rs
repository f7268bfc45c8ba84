//! What one run came to, as one line of JSON.

use serde::Serialize;

/// The figures of one run. Those up to `wall_s` are the contract; the rest helps to understand
/// them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) scenario: String,
    pub(super) seed: u64,
    pub(super) people: usize,
    pub(super) days: f64,
    /// Acknowledged messages.
    pub(super) messages: u64,
    /// Copies owed that nobody saw, without evidence of why.
    pub(super) lost: u64,
    pub(super) duplicates_labelled: u64,
    pub(super) duplicates_unlabelled: u64,
    pub(super) out_of_order: u64,
    pub(super) without_consent: u64,
    /// Seconds from the beginning of the outage to the first turn of a cell, or else to the first
    /// copy that went another way; none when neither happened.
    pub(super) ttd_s: Option<f64>,
    /// Networks left although their interface worked.
    pub(super) false_switches: u64,
    pub(super) late_over_60s: u64,
    pub(super) failed_over: u64,
    pub(super) virtual_s: u64,
    pub(super) wall_s: f64,
    /// Copies that came back to their author.
    pub(super) bounced: u64,
    /// Copies that went another way before their network gave any reason.
    pub(super) early_failovers: u64,
    /// Copies that ended expired, superseded or dead, with evidence.
    pub(super) undelivered: u64,
    /// Copies that a network took and never showed.
    pub(super) swallowed: u64,
    /// Of those, copies for people with another way, taken when it could be known already.
    pub(super) swallowed_known: u64,
    /// How often the hub was killed.
    pub(super) crashes: u64,
    pub(super) journal_entries: u64,
    pub(super) journal_sha256: String,
    /// Broken promises in words.
    #[serde(skip)]
    pub(super) told: Vec<String>,
}

impl Report {
    /// Whether every promise was kept.
    pub(super) const fn kept(&self) -> bool {
        self.lost == 0
            && self.duplicates_unlabelled == 0
            && self.out_of_order == 0
            && self.without_consent == 0
            && self.bounced == 0
            && self.early_failovers == 0
            && self.swallowed_known == 0
    }

    /// One line for the eye.
    pub(super) fn line(&self) -> String {
        let verdict = if self.kept() { "kept" } else { "BROKEN" };
        let ttd = self.ttd_s.map_or("-".to_owned(), |ttd_s| format!("{ttd_s:.1} s"));
        format!(
            "{:<6} seed {:<6} {verdict:<6} {:>7} messages  lost {}  doubled {}+{}  disordered {}  \
             detected {ttd}  moved {}  late {}  {} s in {:.2} s",
            self.scenario,
            self.seed,
            self.messages,
            self.lost,
            self.duplicates_labelled,
            self.duplicates_unlabelled,
            self.out_of_order,
            self.failed_over,
            self.late_over_60s,
            self.virtual_s,
            self.wall_s,
        )
    }
}
