//! Progress of long work: a bar on a terminal, a line now and then elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many steps.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar of bytes.
    #[must_use]
    pub fn bytes(what: &str, total: u64) -> Self {
        Self::styled(what, total, "{prefix:<12} [{bar:32}] {bytes}/{total_bytes} {eta}")
    }

    /// A bar of records.
    #[must_use]
    pub fn records(what: &str, total: u64) -> Self {
        Self::styled(what, total, "{prefix:<12} [{bar:32}] {human_pos}/{human_len} {msg} {eta}")
    }

    fn styled(what: &str, total: u64, template: &str) -> Self {
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(what.to_owned());
        Self(bar)
    }

    /// Moves the bar.
    pub fn at(&self, position: u64, message: &str) {
        self.0.set_position(position);
        self.0.set_message(message.to_owned());
    }

    /// Says how much there is.
    pub fn of(&self, total: u64) {
        self.0.set_length(total);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
