//! Numbers of `/metrics`, for pages: the text format of Prometheus, as far as the ledger writes it.

use std::collections::BTreeMap;

/// A number with what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// As it was written.
    pub(crate) value: String,
}

impl Sample {
    /// A label, or nothing.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// All samples of a text; lines that are none are passed over.
pub(crate) fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (head, ""),
    };
    let pairs = labels.split("\",").filter_map(|pair| pair.split_once("=\""));
    let labels = pairs.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect();
    Some(Sample { name: name.to_owned(), labels, value: value.to_owned() })
}

/// The bound in milliseconds below which so many of a hundred observations of a histogram lie, of those with a label;
/// nothing where there are none.
pub(crate) fn quantile(samples: &[Sample], histogram: &str, label: (&str, &str), percent: u64) -> Option<String> {
    let bucket = format!("{histogram}_bucket");
    let of = samples.iter().filter(|it| it.name == bucket && it.label(label.0) == label.1);
    let counts: Vec<(&str, u64)> = of.filter_map(|it| Some((it.label("le"), it.value.parse().ok()?))).collect();
    let all = counts.iter().map(|(_, count)| *count).max().filter(|count| *count > 0)?;
    let wanted = all.saturating_mul(percent).div_ceil(100);
    let (bound, _) = counts.into_iter().find(|(_, count)| *count >= wanted)?;
    Some(if bound == "+Inf" { "beyond the longest".to_owned() } else { milliseconds(bound) })
}

/// Seconds as a bound of a histogram has them, in milliseconds: the point moves by three places.
fn milliseconds(seconds: &str) -> String {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let padded = format!("{fraction:0<3}");
    let (head, tail) = padded.split_at(3);
    let digits = format!("{whole}{head}");
    let whole = digits.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let tail = tail.trim_end_matches('0');
    if tail.is_empty() { whole.to_owned() } else { format!("{whole}.{tail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE x counter\n\
        x 3\n\
        lag{host=\"approval-0\",of=\"a,b\"} 7\n\
        t_bucket{host=\"a\",le=\"0.00025\"} 1\n\
        t_bucket{host=\"a\",le=\"0.005\"} 50\n\
        t_bucket{host=\"a\",le=\"2.5\"} 99\n\
        t_bucket{host=\"a\",le=\"+Inf\"} 100\n";

    #[test]
    fn samples_are_read_as_they_are_written() {
        let samples = samples(TEXT);
        assert_eq!((samples.len(), samples[0].value.as_str()), (6, "3"));
        assert_eq!((samples[1].label("host"), samples[1].label("of")), ("approval-0", "a,b"));
        let of = |percent| quantile(&samples, "t", ("host", "a"), percent);
        assert_eq!(of(50).as_deref(), Some("5"));
        assert_eq!(of(99).as_deref(), Some("2500"));
        assert_eq!(of(100).as_deref(), Some("beyond the longest"));
        assert_eq!(of(1).as_deref(), Some("0.25"));
        assert_eq!(quantile(&samples, "t", ("host", "b"), 50), None);
    }
}
