//! What goes wrong while nothing is wrong: noise models, from a file or built in.
//!
//! The form of a file is in docs/health.md. Invariant: noise is a function of seed, place and
//! moment, so that every detector meets the same.

use super::chance::{Chance, mixed, real, share};
use super::recorded::Recorded;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// Bursts that a file may describe.
const BURSTS_MAX: usize = 16;

/// A noise model as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noise {
    /// Its name.
    pub(super) id: String,
    /// The chance that a send fails by itself.
    #[serde(default)]
    pub(super) send: f64,
    /// The same of a canary.
    #[serde(default)]
    pub(super) canary: f64,
    /// The same of a pulse or a control host.
    #[serde(default)]
    pub(super) pulse: f64,
    /// The chance that a receipt never comes.
    #[serde(default)]
    pub(super) receipt: f64,
    /// The middle latency of a round trip.
    #[serde(default = "latency_ms")]
    pub(super) latency_ms: u64,
    /// How widely latencies spread: the standard deviation of their logarithm.
    #[serde(default = "latency_spread")]
    pub(super) latency_spread: f64,
    /// Bursts of failures (Gilbert-Elliott: a good and a bad state, exponential stays).
    #[serde(default, rename = "burst")]
    pub(super) bursts: Vec<Burst>,
    /// The day's rhythm.
    #[serde(default)]
    pub(super) diurnal: Option<Diurnal>,
    /// A recorded series that pulses follow.
    #[serde(default, skip)]
    pub(super) recorded: Option<Recorded>,
}

/// What a burst hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    /// One pair or one recipient; each has bursts of its own.
    Source,
    /// Everything of one network.
    Network,
    /// Our own line: all networks and the control hosts together.
    Own,
}

/// Bursts of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Burst {
    /// What it hits.
    pub(super) of: Scope,
    /// Seconds between two, on average.
    pub(super) every_s: f64,
    /// Seconds that one lasts, on average.
    pub(super) lasts_s: f64,
    /// The chance that something fails in it.
    pub(super) fails: f64,
}

/// Traffic and failures follow the hour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Diurnal {
    /// The busiest hour.
    pub(super) peak_hour: f64,
    /// Traffic in the quietest hour, as a share of the mean; the busiest is as far above it.
    pub(super) low: f64,
    /// How many times more fails in the busiest hour than on average.
    pub(super) failing: f64,
}

const fn latency_ms() -> u64 {
    400
}

const fn latency_spread() -> f64 {
    0.4
}

impl Noise {
    /// Reads a model, or a recorded series when the file is a CSV.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if path.extension().is_some_and(|extension| extension == "csv") {
            let recorded = Recorded::parse(&text)?;
            let id = path.file_stem().map_or("recorded".into(), |stem| stem.to_string_lossy());
            return Ok(Self { id: id.into_owned(), recorded: Some(recorded), ..independent() });
        }
        Self::parse(&text).with_context(|| format!("{} is no noise model", path.display()))
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let noise: Self = toml::from_str(text)?;
        let shares = [noise.send, noise.canary, noise.pulse, noise.receipt];
        let of_bursts = noise.bursts.iter().map(|burst| burst.fails);
        if shares.into_iter().chain(of_bursts).any(|share| !(0.0..=1.0).contains(&share)) {
            anyhow::bail!("chances are between 0 and 1");
        }
        let timed = |burst: &Burst| burst.every_s >= 1.0 && burst.lasts_s > 0.0;
        if noise.bursts.len() > BURSTS_MAX || !noise.bursts.iter().all(timed) {
            anyhow::bail!("at most {BURSTS_MAX} bursts; every_s is at least 1, lasts_s above 0");
        }
        Ok(noise)
    }

    /// The models that come with the benchmark.
    pub(super) fn built_in() -> Vec<Self> {
        let rough = Diurnal { peak_hour: 21.0, low: 0.1, failing: 4.0 };
        let burst = |of, every_s, lasts_s, fails| Burst { of, every_s, lasts_s, fails };
        vec![
            independent(),
            Self {
                id: "bursty".into(),
                bursts: vec![
                    burst(Scope::Source, 21_600.0, 20.0, 0.5),
                    burst(Scope::Network, 43_200.0, 3.0, 0.3),
                ],
                ..independent()
            },
            Self { id: "diurnal".into(), diurnal: Some(rough), ..independent() },
            Self {
                id: "own-side".into(),
                bursts: vec![
                    burst(Scope::Own, 28_800.0, 60.0, 1.0),
                    burst(Scope::Own, 86_400.0, 120.0, 0.5),
                ],
                ..independent()
            },
        ]
    }

    /// How busy an hour is, around 1.
    pub(super) fn busyness(&self, at_ms: u64) -> f64 {
        self.diurnal.map_or(1.0, |day| {
            let hour = real(at_ms % 86_400_000) / 3_600_000.0;
            let wave = ((hour - day.peak_hour) * std::f64::consts::TAU / 24.0).cos();
            1.0 + (1.0 - day.low) * wave
        })
    }

    fn worse(&self, at_ms: u64) -> f64 {
        let Some(day) = self.diurnal else { return 1.0 };
        let above = (self.busyness(at_ms) - 1.0).max(0.0) / (1.0 - day.low).max(0.01);
        1.0 + (day.failing - 1.0) * above
    }
}

/// Failures by themselves, two or three in a thousand.
pub(super) fn independent() -> Noise {
    Noise {
        id: "independent".into(),
        send: 0.002,
        canary: 0.003,
        pulse: 0.002,
        receipt: 0.001,
        latency_ms: latency_ms(),
        latency_spread: latency_spread(),
        bursts: Vec::new(),
        diurnal: None,
        recorded: None,
    }
}

/// Where something happens, for its own share of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The network's number; for control hosts one beyond them.
    pub(super) network: u64,
    /// A number for the pair, recipient or account, with its kind mixed in.
    pub(super) source: u64,
}

/// When it is bad, in order.
type Spans = Vec<(u64, u64)>;

/// A model with a seed: the spans of its bursts, found as they are asked for.
#[derive(Debug)]
pub(super) struct Weather {
    pub(super) noise: Noise,
    seed: u64,
    end_ms: u64,
    spans: RefCell<BTreeMap<(usize, u64), Spans>>,
}

impl Weather {
    pub(super) fn new(noise: Noise, seed: u64, end_ms: u64) -> Self {
        Self { noise, seed, end_ms, spans: RefCell::default() }
    }

    /// Whether something that fails by itself with chance `alone` fails here and now.
    pub(super) fn fails(&self, alone: f64, place: Place, at_ms: u64) -> bool {
        let mut works = 1.0 - (alone * self.noise.worse(at_ms)).min(1.0);
        for (index, burst) in self.noise.bursts.iter().enumerate() {
            let whose = match burst.of {
                Scope::Source => mixed(&[place.network, place.source]),
                Scope::Network => place.network,
                Scope::Own => 0,
            };
            if burst.of == Scope::Network && place.network == super::world::CONTROL {
                continue;
            }
            if self.in_burst(index, burst, whose, at_ms) {
                works *= 1.0 - burst.fails;
            }
        }
        share(&[self.seed, 1, place.network, place.source, at_ms]) >= works
    }

    /// How long a round trip takes here and now.
    pub(super) fn latency_ms(&self, place: Place, at_ms: u64) -> u64 {
        let draw = |what| share(&[self.seed, what, place.network, place.source, at_ms]);
        let bell = (-2.0 * (1.0 - draw(2)).ln()).sqrt() * (std::f64::consts::TAU * draw(3)).cos();
        let factor = (bell * self.noise.latency_spread).exp();
        super::chance::whole(real(self.noise.latency_ms) * factor)
    }

    fn in_burst(&self, index: usize, burst: &Burst, whose: u64, at_ms: u64) -> bool {
        let mut spans = self.spans.borrow_mut();
        let spans = spans.entry((index, whose)).or_insert_with(|| {
            let words = [self.seed, 4, u64::try_from(index).unwrap_or(0), whose];
            drawn(Chance::new(&words), burst, self.end_ms)
        });
        let next = spans.partition_point(|(from, _)| *from <= at_ms);
        next.checked_sub(1).and_then(|at| spans.get(at)).is_some_and(|(_, to)| at_ms < *to)
    }
}

fn drawn(mut chance: Chance, burst: &Burst, end_ms: u64) -> Spans {
    let mut spans = Vec::new();
    let mut at = 0;
    loop {
        let from = at + chance.wait_ms(burst.every_s * 1_000.0);
        let to = from + chance.wait_ms(burst.lasts_s * 1_000.0).max(1);
        if from >= end_ms {
            return spans;
        }
        spans.push((from, to));
        at = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place { network: 1, source: 7 };

    #[test]
    fn models_are_read_and_nonsense_is_refused() {
        let good = "id='x'\nsend=0.01\n[[burst]]\nof='own'\nevery_s=60\nlasts_s=5\nfails=1.0\n\
                    [diurnal]\npeak_hour=20\nlow=0.2\nfailing=2\n";
        assert_eq!(Noise::parse(good).unwrap().bursts.len(), 1);
        for (from, to) in [
            ("send=0.01", "send=1.5"),
            ("send=0.01", "sent=0.01"),
            ("'own'", "'moon'"),
            ("every_s=60", "every_s=0"),
            ("fails=1.0", "fails=-1.0"),
        ] {
            assert!(Noise::parse(&good.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn built_in_models_are_written_in_the_form_of_files() {
        for noise in Noise::built_in() {
            let text = toml::to_string(&noise).unwrap();
            assert_eq!(Noise::parse(&text).unwrap(), noise, "{text}");
        }
    }

    #[test]
    fn the_share_that_fails_is_the_one_that_was_asked_for() {
        let weather = Weather::new(independent(), 1, 1_000_000);
        let failed = (0..100_000).filter(|at| weather.fails(0.01, HERE, at * 10)).count();
        assert!((850..1_150).contains(&failed), "{failed}");
    }

    #[test]
    fn a_burst_takes_its_share_of_time_and_hits_what_it_says() {
        let burst = Burst { of: Scope::Source, every_s: 90.0, lasts_s: 10.0, fails: 1.0 };
        let noise = Noise { bursts: vec![burst], ..independent() };
        let weather = Weather::new(noise, 2, 100_000_000);
        let failed = |place| (0..100_000).filter(|n| weather.fails(0.0, place, n * 1_000)).count();
        assert!((8_500..11_500).contains(&failed(HERE)));
        let both = (0..100_000_u64)
            .map(|n| n * 1_000)
            .filter(|at| weather.fails(0.0, HERE, *at))
            .filter(|at| weather.fails(0.0, Place { source: 8, ..HERE }, *at));
        assert!((600..1_500).contains(&both.count()), "sources have bursts of their own");
    }

    #[test]
    fn latencies_lie_around_their_middle() {
        let weather = Weather::new(independent(), 3, 1_000);
        let mut all: Vec<u64> = (0..1_001).map(|at| weather.latency_ms(HERE, at)).collect();
        all.sort_unstable();
        assert!((370..430).contains(&all[500]) && all[10] > 100 && all[990] < 1_600);
    }
}
