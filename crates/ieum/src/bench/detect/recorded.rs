//! A recorded series of probes, as CSV: `repo,site,unix,state,http_code,ms`, one row a change or a
//! daily sample.
//!
//! Such series watch a front page, not messages. Invariant: every span that the series calls down
//! makes pulses fail, whatever its code: the detector has to know better.

use anyhow::{Context, bail};

/// When the watched page was down, in milliseconds since the first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The site with the most spans.
    pub(super) site: String,
    /// From its first to its last row.
    pub(super) length_ms: u64,
    /// `(from, to)`, in order.
    pub(super) down: Vec<(u64, u64)>,
}

impl Recorded {
    /// Reads the series of `telegram`, or else of the site that was down most often.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut rows: Vec<(String, u64, bool)> = Vec::new();
        for (number, line) in text.lines().enumerate().skip(1) {
            let row = row(line).with_context(|| format!("line {}: {line:?}", number + 1))?;
            rows.push(row);
        }
        let mut sites: Vec<&String> = rows.iter().map(|(site, ..)| site).collect();
        sites.sort();
        sites.dedup();
        let falls = |site: &&&String| {
            let named = **site == "telegram";
            (named, rows.iter().filter(|(other, _, down)| other == **site && *down).count())
        };
        let Some(site) = sites.iter().max_by_key(falls) else { bail!("no rows") };
        let mut of_site: Vec<(u64, bool)> =
            rows.iter().filter(|(other, ..)| other == *site).map(|row| (row.1, row.2)).collect();
        of_site.sort_unstable();
        Ok(Self::of((*site).clone(), &of_site))
    }

    fn of(site: String, rows: &[(u64, bool)]) -> Self {
        let first = rows.first().map_or(0, |row| row.0);
        let last = rows.last().map_or(0, |row| row.0);
        let mut down: Vec<(u64, u64)> = Vec::new();
        for (row, next) in rows.iter().zip(rows.iter().skip(1)) {
            if row.1 {
                down.push(((row.0 - first) * 1_000, (next.0 - first) * 1_000));
            }
        }
        Self { site, length_ms: (last - first) * 1_000, down }
    }

    pub(super) fn is_down(&self, at_ms: u64) -> bool {
        let next = self.down.partition_point(|(from, _)| *from <= at_ms);
        next.checked_sub(1).and_then(|at| self.down.get(at)).is_some_and(|(_, to)| at_ms < *to)
    }
}

fn row(line: &str) -> anyhow::Result<(String, u64, bool)> {
    let mut fields = line.split(',').skip(1);
    let (Some(site), Some(unix), Some(state)) = (fields.next(), fields.next(), fields.next())
    else {
        bail!("six fields are expected");
    };
    let down = match state {
        "up" => false,
        "down" => true,
        _ => bail!("the state is up or down"),
    };
    Ok((site.to_owned(), unix.parse()?, down))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "repo,site,unix,state,http_code,ms\n\
                        r,page,1000,up,200,9\nr,page,1060,down,404,9\nr,page,1120,up,200,9\n\
                        r,page,1240,down,0,0\nr,page,1300,down,0,0\nr,page,1400,up,200,9\n\
                        r,other,1000,up,200,9\n";

    #[test]
    fn spans_lie_between_a_fall_and_the_next_row() {
        let recorded = Recorded::parse(TEXT).unwrap();
        assert_eq!((recorded.site.as_str(), recorded.length_ms), ("page", 400_000));
        assert_eq!(recorded.down, [(60_000, 120_000), (240_000, 300_000), (300_000, 400_000)]);
        for (at, down) in [(0, false), (60_000, true), (119_999, true), (120_000, false)] {
            assert_eq!(recorded.is_down(at), down, "{at}");
        }
    }

    #[test]
    fn a_bad_row_is_named() {
        let error = Recorded::parse("head\nr,page,soon,up,200,1\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 2"), "{error:#}");
        assert!(Recorded::parse("head\n").is_err());
    }
}
