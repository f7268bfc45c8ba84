//! What an operator may set of the loops, with the reasons for the defaults.

use crate::canary::Watcher;
use ieum_core::directory::Language;
use ieum_core::health::cadence::Cadence;
use ieum_core::health::parameters::Parameters;
use ieum_core::media::MEDIA_BYTES_MAX;

/// Settings of the engine; all times on the clock port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a chat message is worth delivering. Three days: a long week-end outage.
    pub chat_lifetime_ms: u64,
    /// How long an urgent message is worth delivering. One day.
    pub urgent_lifetime_ms: u64,
    /// Time between two probes of a network that works. Fifteen seconds: four cheap calls a minute.
    pub probe_ms: u64,
    /// Time between two probes of a network that does not. Two seconds.
    pub probe_down_ms: u64,
    /// How the detector of outages weighs what it sees.
    pub health: Parameters,
    /// Phones and PCs of the operator's that see what arrives.
    pub watchers: Vec<Watcher>,
    /// How often they are sent something to see.
    pub canary: Cadence,
    /// Time between two sweeps.
    pub sweep_ms: u64,
    /// Time between two catch-up messages to one recipient (DESIGN §6.7: at most one a second).
    pub catch_up_gap_ms: u64,
    /// How long intake waits for the name of somebody seen for the first time.
    pub profile_ms_max: u64,
    /// The readers' distance from UTC, for the times in labels. Nine hours: Korea and Japan.
    pub utc_offset_minutes: i32,
    /// The language of rooms; persons have their own.
    pub language: Language,
    /// What comes with messages.
    pub media: MediaSettings,
    /// After which age texts are taken away; `None` keeps them.
    pub texts_kept_ms: Option<u64>,
}

/// Settings of what comes with messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSettings {
    /// Largest file that is taken from a network.
    pub bytes_max: u64,
    /// How long a delivery waits for its file before it goes with a notice; ten times as long while
    /// the file is on its way. One minute.
    pub wait_ms: u64,
    /// How long a file is kept after its last use. Thirty days, far above a delivery's lifetime.
    pub kept_ms: u64,
    /// Whether what pictures say of where and how they were taken is erased as they come in.
    pub erases_places: bool,
    /// Under which address networks and people reach the hub's links; `None` gives no links.
    pub public_url: Option<String>,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            bytes_max: MEDIA_BYTES_MAX,
            wait_ms: 60_000,
            kept_ms: 30 * 24 * 3_600_000,
            erases_places: false,
            public_url: None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chat_lifetime_ms: 3 * 24 * 3_600_000,
            urgent_lifetime_ms: 24 * 3_600_000,
            probe_ms: 15_000,
            probe_down_ms: 2_000,
            health: Parameters::default(),
            watchers: Vec::new(),
            canary: Cadence::default(),
            sweep_ms: 1_000,
            catch_up_gap_ms: 1_000,
            profile_ms_max: 2_000,
            utc_offset_minutes: 540,
            language: Language::Ko,
            media: MediaSettings::default(),
            texts_kept_ms: None,
        }
    }
}
