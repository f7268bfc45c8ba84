//! The clock port: the wall clock, and one that runs faster for demonstrations.
//!
//! The only file that may read the machine's time. Invariant: both clocks are continuous; a
//! change of speed never makes [`ScaledClock::now`] jump.

use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::Instant;

/// Slowest speed of a [`ScaledClock`]: a thousandth of the wall clock's.
pub const SPEED_MIN: f64 = 0.001;
/// Fastest speed of a [`ScaledClock`].
pub const SPEED_MAX: f64 = 10_000.0;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        wall_now()
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(real_sleep(Duration::from_millis(ms)))
    }
}

/// The present moment by the wall clock.
#[allow(
    clippy::disallowed_methods,
    reason = "this file is where the clock port reads the machine's time"
)]
fn wall_now() -> Timestamp {
    let ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    Timestamp(ms)
}

/// A point of the machine's monotonic clock.
#[allow(
    clippy::disallowed_methods,
    reason = "this file is where the clock port reads the machine's time"
)]
fn monotonic_now() -> Instant {
    Instant::now()
}

/// Waits in real time.
#[allow(clippy::disallowed_methods, reason = "this file is where the clock port waits")]
fn real_sleep(time: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(time)
}

/// Measures real time where figures must not follow a scaled clock (benchmarks).
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    pub fn start() -> Self {
        Self(monotonic_now())
    }

    /// Real time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        monotonic_now().duration_since(self.0)
    }
}

/// A clock that runs `speed` times faster than the wall clock; the speed may change at any time,
/// also for waits that have begun. Who drives it may bound it by what the machine can do
/// ([`ScaledClock::keep_within`]), so that a busy machine takes longer and distorts no figure.
#[derive(Debug)]
pub struct ScaledClock {
    pace: watch::Sender<Pace>,
}

/// From `since` on, which was `base_ms` on the scaled clock, time runs at `speed`, or at
/// `speed_max` where that is less, for `lease` of real time and then stands.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since: Instant,
    base_ms: f64,
    speed: f64,
    speed_max: f64,
    lease: Option<Duration>,
}

impl Pace {
    fn effective(&self) -> f64 {
        self.speed.min(self.speed_max)
    }

    fn now_ms(&self) -> f64 {
        let passed = monotonic_now().duration_since(self.since);
        let real_ms = self.lease.map_or(passed, |lease| passed.min(lease)).as_secs_f64() * 1_000.0;
        real_ms.mul_add(self.effective(), self.base_ms)
    }

    /// The same moment, from which on it goes on otherwise.
    fn rebased(&self) -> Self {
        Self { base_ms: self.now_ms(), since: monotonic_now(), ..*self }
    }

    /// Real time until the scaled clock shows `target_ms`; `None` when it does already.
    fn real_until(&self, target_ms: f64) -> Option<Duration> {
        let left_ms = target_ms - self.now_ms();
        (left_ms > 0.0)
            .then(|| Duration::try_from_secs_f64(left_ms / self.effective() / 1_000.0).ok())
            .map(|real| real.unwrap_or(Duration::MAX))
    }
}

impl ScaledClock {
    /// Begins at `start`, running `speed` times faster than the wall clock. The speed is kept
    /// within [`SPEED_MIN`] and [`SPEED_MAX`].
    #[must_use]
    pub fn new(speed: f64, start: Timestamp) -> Self {
        let (since, base_ms) = (monotonic_now(), exact_ms(start));
        let (speed, speed_max, lease) = (within(speed), SPEED_MAX, None);
        Self { pace: watch::Sender::new(Pace { since, base_ms, speed, speed_max, lease }) }
    }

    /// How many times faster than the wall clock it is to run; see [`ScaledClock::keep_within`].
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.pace.borrow().speed
    }

    /// Changes the speed from now on; waits under way end at the same scaled time as before.
    pub fn set_speed(&self, speed: f64) {
        self.pace.send_modify(|pace| *pace = Pace { speed: within(speed), ..pace.rebased() });
    }

    /// Runs no faster than `speed_max` from now on, and stands still after `lease` of real time
    /// unless this is said again by then: whoever says it is as busy as those who read the clock.
    pub fn keep_within(&self, speed_max: f64, lease: Duration) {
        let (speed_max, lease) = (within(speed_max), Some(lease));
        // Whoever waits looks again at the end: only a faster clock must wake them before.
        self.pace.send_if_modified(|pace| {
            let before = pace.effective();
            *pace = Pace { speed_max, lease, ..pace.rebased() };
            pace.effective() > before
        });
    }

    /// Takes back [`ScaledClock::keep_within`].
    pub fn run_freely(&self) {
        self.pace.send_modify(|pace| {
            *pace = Pace { speed_max: SPEED_MAX, lease: None, ..pace.rebased() };
        });
    }
}

impl Clock for ScaledClock {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "scaled milliseconds since 1970 are far below 2^53"
    )]
    fn now(&self) -> Timestamp {
        Timestamp(self.pace.borrow().now_ms() as i64)
    }

    #[allow(clippy::cast_precision_loss, reason = "a wait above 2^53 ms ends never, exact or not")]
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let target_ms = self.pace.borrow().now_ms() + ms as f64;
        let mut pace = self.pace.subscribe();
        Box::pin(async move {
            loop {
                let Some(left) = pace.borrow_and_update().real_until(target_ms) else {
                    return;
                };
                tokio::select! {
                    biased;
                    changed = pace.changed() => if changed.is_err() {
                        return real_sleep(left).await;
                    },
                    () = real_sleep(left) => {}
                }
            }
        })
    }
}

fn within(speed: f64) -> f64 {
    if speed.is_finite() { speed.clamp(SPEED_MIN, SPEED_MAX) } else { 1.0 }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
fn exact_ms(at: Timestamp) -> f64 {
    at.0 as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const START: Timestamp = Timestamp(1_716_185_000_000);

    #[tokio::test]
    async fn a_scaled_second_at_speed_100_takes_ten_real_milliseconds() {
        let clock = ScaledClock::new(100.0, START);
        let watch = Stopwatch::start();
        clock.sleep(1_000).await;
        let real = watch.elapsed();
        assert!(clock.now().ms_since(START) >= 1_000);
        assert!(real >= Duration::from_millis(10), "{real:?}");
        assert!(real < Duration::from_millis(500), "{real:?}");
    }

    #[tokio::test]
    async fn a_wait_under_way_follows_a_change_of_speed() {
        let clock = Arc::new(ScaledClock::new(1.0, START));
        let wait = clock.sleep(3_600_000);
        let faster = Arc::clone(&clock);
        let change = async move { faster.set_speed(SPEED_MAX) };
        let watch = Stopwatch::start();
        futures_util::future::join(wait, change).await;
        assert!(watch.elapsed() < Duration::from_secs(5));
        assert!(clock.now().ms_since(START) >= 3_600_000);
    }

    #[tokio::test]
    async fn the_time_does_not_jump_when_the_speed_changes() {
        let clock = ScaledClock::new(1.0, START);
        for speed in [600.0, 0.5, f64::NAN, -3.0, f64::INFINITY, 1.0] {
            let before = clock.now();
            clock.set_speed(speed);
            let passed = clock.now().ms_since(before);
            assert!(clock.now() >= before && passed < 60_000, "{passed} ms");
            assert!((SPEED_MIN..=SPEED_MAX).contains(&clock.speed()));
        }
    }

    #[tokio::test]
    async fn a_clock_that_nobody_keeps_going_stands_and_goes_on_where_it_stood() {
        let clock = Arc::new(ScaledClock::new(1_000.0, START));
        clock.keep_within(SPEED_MAX, Duration::from_millis(2));
        real_sleep(Duration::from_millis(20)).await;
        let stood = clock.now();
        assert!((2_000..15_000).contains(&stood.ms_since(START)), "its lease is over");
        assert_eq!(clock.now(), stood);
        let wait = clock.sleep(500);
        let further = Arc::clone(&clock);
        let lease = async move {
            real_sleep(Duration::from_millis(5)).await;
            assert_eq!(further.now(), stood, "not even for those who wait");
            further.keep_within(SPEED_MAX, Duration::from_secs(5));
        };
        futures_util::future::join(wait, lease).await;
        assert!(clock.now().ms_since(stood) >= 500);
        clock.keep_within(SPEED_MAX, Duration::ZERO);
        clock.run_freely();
        clock.sleep(1_000).await;
    }

    #[tokio::test]
    async fn a_bound_slows_the_clock_and_its_end_wakes_who_waits() {
        let clock = Arc::new(ScaledClock::new(SPEED_MAX, START));
        clock.keep_within(1.0, Duration::from_secs(60));
        assert!((clock.speed() - SPEED_MAX).abs() < 1.0, "what was asked for is kept");
        let before = clock.now();
        real_sleep(Duration::from_millis(5)).await;
        assert!(clock.now().ms_since(before) < 5_000);
        let wait = clock.sleep(3_600_000);
        let faster = Arc::clone(&clock);
        let change = async move { faster.keep_within(SPEED_MAX, Duration::from_secs(60)) };
        let watch = Stopwatch::start();
        futures_util::future::join(wait, change).await;
        assert!(watch.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_wait_outlives_its_clock() {
        let wait = ScaledClock::new(10.0, START).sleep(100);
        wait.await;
    }

    #[tokio::test]
    async fn the_system_clock_is_after_2020_and_waits() {
        let before = SystemClock.now();
        assert!(before > Timestamp(1_577_836_800_000));
        SystemClock.sleep(5).await;
        assert!(SystemClock.now().ms_since(before) >= 4);
    }
}
