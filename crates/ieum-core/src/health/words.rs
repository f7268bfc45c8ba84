//! The grounds of a change in one line, for logs and pages. Not a format: machines read
//! [`Grounds`].

use super::evidence::{Grounds, Rule};

/// One line about why a cell turned.
pub(super) fn words(grounds: &Grounds, goods: u32) -> String {
    let sums = &grounds.sums;
    let (what, milli) = match grounds.rule {
        Rule::Canaries => ("canaries failed", sums.canaries),
        Rule::Sends => ("sends failed", sums.sends),
        Rule::Together => ("several kinds of signs failed", sums.sends.max(sums.canaries)),
        Rule::Pulses => ("signs of life failed", sums.pulses),
        Rule::Slow => ("a share of the traffic fails", sums.slow),
        Rule::Receipts => ("accepted messages are not confirmed", sums.receipts.max(sums.slow)),
        Rule::Silence => ("people write less than they do at this hour", sums.silence),
        Rule::Reports => ("independent people reported it", sums.reports),
        Rule::Relapse => ("it failed again while traffic returned", sums.slow),
        Rule::Clean => return format!("nothing failed for long enough, {goods} good in a row"),
        Rule::Ramp => return "all steps of the return were passed".to_owned(),
        Rule::Calm => return "the sums were low for long enough".to_owned(),
        Rule::Operator => return "the operator's word".to_owned(),
    };
    let whole = milli / 1_000;
    let tenth = milli % 1_000 / 100;
    let whose = match grounds.witnesses {
        0 => "nobody else was there to ask".to_owned(),
        number => format!("{number} good answers of others meanwhile"),
    };
    format!("{what}: {whole}.{tenth}, {} sources failing; {whose}", grounds.sources)
}
