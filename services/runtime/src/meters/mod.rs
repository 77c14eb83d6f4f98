//! Numbers about the work of a process, for whoever watches it: counted where the work is done, and written in the
//! text form of Prometheus. Nothing is counted per record, and no label can have more values than the code or the
//! catalog's operators give it.

mod histogram;
mod names;
mod page;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use histogram::Histogram;
pub use names::*;
pub use page::Page;

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is now.
    Gauge,
    /// Since the start.
    Counter,
    /// How often something took how long, counted in microseconds and shown in seconds.
    Seconds,
    /// How often something was how large.
    Sizes,
}

/// A number that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Without `usage_ledger_`, which all have.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What tells its values apart.
    pub labels: &'static [&'static str],
    /// A sentence.
    pub help: &'static str,
}

/// Values of one metric by their labels.
type Series<T> = BTreeMap<Vec<String>, T>;

#[derive(Debug, Default)]
struct Counted {
    numbers: BTreeMap<&'static str, Series<u64>>,
    histograms: BTreeMap<&'static str, Series<Arc<Histogram>>>,
    /// By what each is about.
    notes: BTreeMap<String, String>,
}

/// What is counted in a process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<Counted>>);

impl Meters {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to a counter.
    pub fn add(&self, metric: &Metric, labels: &[&str], more: u64) {
        *self.counted().numbers.entry(metric.name).or_default().entry(owned(labels)).or_default() += more;
    }

    /// Sets a gauge.
    pub fn set(&self, metric: &Metric, labels: &[&str], value: u64) {
        self.counted().numbers.entry(metric.name).or_default().insert(owned(labels), value);
    }

    /// Notes how long something took.
    pub fn took(&self, metric: &Metric, labels: &[&str], time: Duration) {
        let histogram = self.histogram(metric, labels);
        histogram.took(time);
    }

    fn histogram(&self, metric: &Metric, labels: &[&str]) -> Arc<Histogram> {
        let mut counted = self.counted();
        let series = counted.histograms.entry(metric.name).or_default();
        series.entry(owned(labels)).or_insert_with(|| Arc::new(Histogram::of(metric.kind))).clone()
    }

    /// Says, in a sentence, what somebody should look at; without one there is nothing any more about that.
    pub fn note(&self, about: &str, sentence: Option<String>) {
        let notes = &mut self.counted().notes;
        match sentence {
            Some(sentence) => drop(notes.insert(about.to_owned(), sentence)),
            None => drop(notes.remove(about)),
        }
    }

    /// What somebody should look at.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.counted().notes.values().cloned().collect()
    }

    /// A number as it is now; 0 where nothing was counted.
    #[must_use]
    pub fn read(&self, metric: &Metric, labels: &[&str]) -> u64 {
        self.counted().numbers.get(metric.name).and_then(|series| series.get(&owned(labels)).copied()).unwrap_or(0)
    }

    /// Writes everything that is counted, also what has not happened yet: whoever watches finds its name.
    pub fn write(&self, page: &mut Page) {
        let counted = self.counted();
        for metric in COUNTED {
            if let Some(series) = counted.histograms.get(metric.name) {
                page.histograms(metric, series.iter().map(|(labels, histogram)| (labels.as_slice(), &**histogram)));
                continue;
            }
            match counted.numbers.get(metric.name) {
                Some(series) => page.each(metric, series.iter().map(|(labels, value)| (labels.clone(), *value))),
                None if metric.labels.is_empty() => page.one(metric, 0),
                None => page.each(metric, []),
            }
        }
    }
}

/// The word for what became of something that was answered with a status of HTTP.
#[must_use]
pub fn outcome_of(status: u16) -> &'static str {
    match status {
        0..400 => "taken",
        400..500 => "refused",
        _ => "failed",
    }
}

fn owned(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}
