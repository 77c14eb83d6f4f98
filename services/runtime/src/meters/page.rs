//! The text form of Prometheus.

use std::fmt::Write;

use super::{Histogram, Kind, Metric};

/// What all names begin with.
const PREFIX: &str = "usage_ledger_";
/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// A page of numbers.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Writes a number that has no labels.
    pub fn one(&mut self, metric: &Metric, value: u64) {
        self.each(metric, [(Vec::new(), value)]);
    }

    /// Writes a number for each value of its labels.
    pub fn each(&mut self, metric: &Metric, values: impl IntoIterator<Item = (Vec<String>, u64)>) {
        self.head(metric);
        for (labels, value) in values {
            let labels = shown(metric, &labels, None);
            self.line(format_args!("{PREFIX}{}{labels} {value}", metric.name));
        }
    }

    /// Writes how often something was how large or took how long.
    pub fn histograms<'a>(&mut self, metric: &Metric, values: impl IntoIterator<Item = (&'a [String], &'a Histogram)>) {
        self.head(metric);
        let number = |value: u64| if metric.kind == Kind::Seconds { decimal(value) } else { value.to_string() };
        for (labels, histogram) in values {
            let (steps, all) = histogram.cumulated();
            let steps = steps.map(|(step, count)| (number(step), count)).chain([("+Inf".to_owned(), all)]);
            for (step, count) in steps {
                let labels = shown(metric, labels, Some(&step));
                self.line(format_args!("{PREFIX}{}_bucket{labels} {count}", metric.name));
            }
            let labels = shown(metric, labels, None);
            self.line(format_args!("{PREFIX}{}_sum{labels} {}", metric.name, number(histogram.sum())));
            self.line(format_args!("{PREFIX}{}_count{labels} {all}", metric.name));
        }
    }

    /// The text.
    #[must_use]
    pub fn text(self) -> String {
        self.0
    }

    fn head(&mut self, metric: &Metric) {
        let Metric { name, help, kind, .. } = metric;
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Seconds | Kind::Sizes => "histogram",
        };
        self.line(format_args!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a text can't fail.
        let _ = writeln!(self.0, "{line}");
    }
}

fn shown(metric: &Metric, values: &[String], step: Option<&str>) -> String {
    let labels = metric.labels.iter().zip(values).map(|(label, value)| (*label, value.as_str()));
    let labels: Vec<String> = labels
        .chain(step.map(|step| ("le", step)))
        .map(|(label, value)| format!("{label}={}", quoted(value)))
        .collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Microseconds as seconds, without a float.
fn decimal(micros: u64) -> String {
    let (whole, rest) = (micros / SECOND, micros % SECOND);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:06}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Meters;
    use super::*;

    const CALLS: Metric = Metric { name: "calls_total", kind: Kind::Counter, labels: &["to"], help: "Calls." };
    const TIMES: Metric = Metric { name: "times_seconds", kind: Kind::Seconds, labels: &["of"], help: "Times." };

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.each(&CALLS, [(vec!["a \"b\"\\\n".to_owned()], 3)]);
        let histogram = Histogram::times();
        for micros in [250, 251, 1_500_000, 700_000_000] {
            histogram.took(Duration::from_micros(micros));
        }
        page.histograms(&TIMES, [(&["x".to_owned()][..], &histogram)]);
        let text = page.text();
        let lines: Vec<&str> = text.lines().collect();
        for expected in [
            "# HELP usage_ledger_calls_total Calls.",
            "# TYPE usage_ledger_calls_total counter",
            r#"usage_ledger_calls_total{to="a \"b\"\\\n"} 3"#,
            "# TYPE usage_ledger_times_seconds histogram",
            r#"usage_ledger_times_seconds_bucket{of="x",le="0.00025"} 1"#,
            r#"usage_ledger_times_seconds_bucket{of="x",le="0.0005"} 2"#,
            r#"usage_ledger_times_seconds_bucket{of="x",le="1"} 2"#,
            r#"usage_ledger_times_seconds_bucket{of="x",le="2.5"} 3"#,
            r#"usage_ledger_times_seconds_bucket{of="x",le="600"} 3"#,
            r#"usage_ledger_times_seconds_bucket{of="x",le="+Inf"} 4"#,
            r#"usage_ledger_times_seconds_sum{of="x"} 701.500501"#,
            r#"usage_ledger_times_seconds_count{of="x"} 4"#,
        ] {
            assert!(lines.contains(&expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn what_is_counted_is_told_apart_by_its_labels() {
        let meters = Meters::default();
        meters.add(&CALLS, &["a"], 2);
        meters.clone().add(&CALLS, &["a"], 1);
        meters.set(&CALLS, &["b"], 7);
        assert_eq!(["a", "b", "c"].map(|to| meters.read(&CALLS, &[to])), [3, 7, 0]);
    }
}
