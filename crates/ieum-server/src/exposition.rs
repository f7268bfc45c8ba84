//! Prometheus' text form (version 0.0.4), as far as the hub needs it.
//!
//! Invariant: every sample follows the head of its own metric, and label values are escaped.

use std::fmt::Write;

/// A page of metrics being written.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

impl Exposition {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(line).ok();
        self.text.push('\n');
    }

    /// Begins a metric that only grows.
    pub(crate) fn counter(&mut self, name: &str, help: &str) {
        self.head(name, help, "counter");
    }

    /// Begins a metric that goes up and down.
    pub(crate) fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    /// One value.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    /// A whole histogram: `counts` has one more than `bounds`, for what is above all of them.
    pub(crate) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[u64],
        counts: &[u64],
        sum: u64,
    ) {
        self.head(name, help, "histogram");
        let bucket = format!("{name}_bucket");
        let mut total = 0;
        let bounds = bounds.iter().map(u64::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(counts) {
            total += count;
            self.sample(&bucket, &[("le", &bound)], total);
        }
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], total);
    }

    /// The whole page.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_page_reads_as_prometheus_wants_it() {
        let mut page = Exposition::default();
        page.gauge("depth", "How deep");
        page.sample("depth", &[], 3);
        page.sample("depth", &[("name", "a\"b\\c\nd"), ("kind", "카톡")], 4);
        page.histogram("took_ms", "How long", &[1, 5], &[2, 0, 1], 9);
        expect![[r#"
            # HELP depth How deep
            # TYPE depth gauge
            depth 3
            depth{name="a\"b\\c\nd",kind="카톡"} 4
            # HELP took_ms How long
            # TYPE took_ms histogram
            took_ms_bucket{le="1"} 2
            took_ms_bucket{le="5"} 2
            took_ms_bucket{le="+Inf"} 3
            took_ms_sum 9
            took_ms_count 3
        "#]]
        .assert_eq(&page.finish());
    }
}
