//! The curves as SVG, by hand: one panel a scenario, time to detect over false switches.
//!
//! Invariant: the picture shows what the report holds and computes nothing of its own.

use super::report::{Point, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

const PANEL: [f64; 2] = [260.0, 190.0];
const COLUMNS: usize = 4;
const MARGIN: [f64; 4] = [46.0, 26.0, 12.0, 34.0];
/// The axes: false switches a month and seconds, both by decades.
const X_DECADES: [i32; 2] = [-2, 4];
const Y_DECADES: [i32; 2] = [-1, 4];
const KINDS: [(&str, &str); 6] = [
    ("ours", "#c2185b"),
    ("fixed", "#6d4c41"),
    ("consecutive", "#ef6c00"),
    ("phi", "#1565c0"),
    ("rolling", "#2e7d32"),
    ("oracle", "#9e9e9e"),
];

/// Draws the report at the middle traffic level.
pub(super) fn svg(report: &Report) -> String {
    let mut text = String::new();
    match draw(report, &mut text) {
        Ok(()) => text,
        Err(std::fmt::Error) => unreachable!("writing to a string cannot fail"),
    }
}

fn draw(report: &Report, text: &mut String) -> std::fmt::Result {
    let panels = panels(report);
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let [width, height] = [PANEL[0] * COLUMNS as f64, PANEL[1] * rows as f64 + 30.0];
    writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"10\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    )?;
    for (index, (name, points)) in panels.iter().enumerate() {
        let left = PANEL[0] * (index % COLUMNS) as f64;
        let top = PANEL[1] * (index / COLUMNS) as f64;
        writeln!(text, "<g transform=\"translate({left} {top})\">")?;
        panel(name, points, text)?;
        writeln!(text, "</g>")?;
    }
    legend(PANEL[1] * rows as f64 + 18.0, text)?;
    writeln!(text, "</svg>")
}

type Panels<'a> = BTreeMap<String, Vec<&'a Point>>;

fn panels(report: &Report) -> Panels<'_> {
    let mut panels = Panels::new();
    for point in &report.curve {
        let name = format!("{}, {} sends/s", point.scenario, point.sends_per_s);
        panels.entry(name).or_default().push(point);
    }
    panels
}

fn panel(name: &str, points: &[&Point], text: &mut String) -> std::fmt::Result {
    let [left, top, right, bottom] = MARGIN;
    writeln!(text, "<text x=\"{left}\" y=\"14\" font-weight=\"bold\">{}</text>", escaped(name))?;
    for decade in Y_DECADES[0]..=Y_DECADES[1] {
        let y = y_of(10_f64.powi(decade));
        let label = 10_f64.powi(decade);
        writeln!(
            text,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label} s</text>",
            PANEL[0] - right,
            left - 4.0,
            y + 3.0
        )?;
    }
    for decade in X_DECADES[0]..=X_DECADES[1] {
        let x = x_of(10_f64.powi(decade));
        let label =
            if decade == X_DECADES[0] { "0".into() } else { format!("{}", 10_f64.powi(decade)) };
        writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{}\" stroke=\"#eee\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            PANEL[1] - bottom,
            PANEL[1] - bottom + 12.0
        )?;
    }
    for (kind, colour) in KINDS {
        line(points, kind, colour, text)?;
    }
    Ok(())
}

fn line(points: &[&Point], kind: &str, colour: &str, text: &mut String) -> std::fmt::Result {
    let of_kind = points.iter().filter(|point| point.kind == kind);
    let mut places: Vec<(f64, f64)> = of_kind
        .filter_map(|point| Some((x_of(point.false_switches_a_month), y_of(point.found_s_p50?))))
        .collect();
    places.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-opacity=\"0.6\"/>",
        path.join(" ")
    )?;
    for (x, y) in places {
        writeln!(text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.4\" fill=\"{colour}\"/>")?;
    }
    Ok(())
}

fn legend(y: f64, text: &mut String) -> std::fmt::Result {
    let mut x = MARGIN[0];
    for (kind, colour) in KINDS {
        writeln!(
            text,
            "<circle cx=\"{x}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{y}\">{kind}</text>",
            y - 3.0,
            x + 8.0
        )?;
        x += 90.0;
    }
    writeln!(
        text,
        "<text x=\"{x}\" y=\"{y}\">median time to detect over false switches a month</text>"
    )
}

fn x_of(switches: f64) -> f64 {
    let [left, _, right, _] = MARGIN;
    left + share(switches, X_DECADES) * (PANEL[0] - left - right)
}

fn y_of(seconds: f64) -> f64 {
    let [_, top, _, bottom] = MARGIN;
    PANEL[1] - bottom - share(seconds, Y_DECADES) * (PANEL[1] - top - bottom)
}

/// The place of a value between the ends of a logarithmic axis.
fn share(value: f64, [low, high]: [i32; 2]) -> f64 {
    let place = value.max(10_f64.powi(low)).log10() - f64::from(low);
    (place / f64::from(high - low)).clamp(0.0, 1.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
