//! How a fault spoils a function, in the short written form of scenario files:
//! `refuse`, `hang`, `blackhole`, `delay x30`, `dup 0.2`, `drop_receipt`, `flap(60,30)`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What `delay x1` means: the ordinary latency that the factor multiplies.
pub const ORDINARY_LATENCY_MS: u64 = 200;
/// The largest factor of `delay`: about half an hour.
pub const DELAY_FACTOR_MAX: u32 = 10_000;

/// How a function is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Mode {
    /// An error at once: a 5xx for bots, "not sent" for people.
    Refuse,
    /// No answer.
    Hang,
    /// A yes, and nothing arrives.
    Blackhole,
    /// Everything takes this many times [`ORDINARY_LATENCY_MS`].
    Delay {
        /// The factor.
        times: u32,
    },
    /// Each one is doubled with this probability.
    Duplicate {
        /// Between 0 and 1.
        chance: f64,
    },
    /// Delivered, but no receipt comes. None of the three networks gives bots receipts, so this
    /// changes nothing in them.
    DropReceipt,
    /// Refuses for `on_s` seconds, works for `off_s`, and so on.
    Flap {
        /// Seconds of refusal.
        on_s: u32,
        /// Seconds of work.
        off_s: u32,
    },
}

/// A mode that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeError(String);

impl fmt::Display for ModeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "unknown mode {:?}: expected refuse, hang, blackhole, delay xN, dup P, drop_receipt \
             or flap(ON_S,OFF_S)",
            self.0
        )
    }
}

impl std::error::Error for ModeError {}

impl TryFrom<String> for Mode {
    type Error = ModeError;

    fn try_from(written: String) -> Result<Self, ModeError> {
        Self::read(written.trim()).ok_or(ModeError(written))
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => formatter.write_str("refuse"),
            Self::Hang => formatter.write_str("hang"),
            Self::Blackhole => formatter.write_str("blackhole"),
            Self::Delay { times } => write!(formatter, "delay x{times}"),
            Self::Duplicate { chance } => write!(formatter, "dup {chance}"),
            Self::DropReceipt => formatter.write_str("drop_receipt"),
            Self::Flap { on_s, off_s } => write!(formatter, "flap({on_s},{off_s})"),
        }
    }
}

impl Mode {
    fn read(written: &str) -> Option<Self> {
        match written {
            "refuse" => return Some(Self::Refuse),
            "hang" => return Some(Self::Hang),
            "blackhole" => return Some(Self::Blackhole),
            "drop_receipt" => return Some(Self::DropReceipt),
            _ => {}
        }
        if let Some(rest) = written.strip_prefix("delay") {
            let times = rest.trim().strip_prefix('x')?.trim().parse().ok()?;
            return (1..=DELAY_FACTOR_MAX).contains(&times).then_some(Self::Delay { times });
        }
        if let Some(rest) = written.strip_prefix("dup") {
            let chance: f64 = rest.trim().parse().ok()?;
            return (0.0..=1.0).contains(&chance).then_some(Self::Duplicate { chance });
        }
        let (on, off) = written.strip_prefix("flap(")?.strip_suffix(')')?.split_once(',')?;
        let (on_s, off_s) = (on.trim().parse().ok()?, off.trim().parse().ok()?);
        (on_s > 0 && off_s > 0).then_some(Self::Flap { on_s, off_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_what_it_writes() {
        let written =
            ["refuse", "hang", "blackhole", "delay x30", "dup 0.25", "drop_receipt", "flap(60,30)"];
        for text in written {
            let mode = Mode::try_from(text.to_owned()).expect(text);
            assert_eq!(mode.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_list_of_modes() {
        for text in ["", "slow", "delay", "delay 3", "delay x0", "dup 2", "flap(1)", "flap(0,1)"] {
            let error = Mode::try_from(text.to_owned()).expect_err(text);
            assert!(error.to_string().contains("flap(ON_S,OFF_S)"), "{error}");
        }
    }
}
