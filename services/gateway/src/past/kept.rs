//! What took long to make, kept for whoever asks next: made once for all who ask at a time, the oldest forgotten first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::error::ApiError;

#[derive(Debug)]
pub(super) struct Kept<K, V> {
    entries: Mutex<VecDeque<(K, Arc<OnceCell<V>>)>>,
    max: usize,
}

impl<K: Clone + PartialEq, V: Clone> Kept<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self { entries: Mutex::default(), max }
    }

    /// What is kept, or what is made now. Who goes away while it is made leaves the making to the next one.
    pub(super) async fn get<F: Future<Output = Result<V, ApiError>>>(
        &self,
        key: &K,
        make: impl FnOnce() -> F,
    ) -> Result<V, ApiError> {
        self.cell(key).get_or_try_init(make).await.cloned()
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<V>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let known = entries.iter().position(|(own, _)| own == key).and_then(|place| entries.remove(place));
        let entry = known.unwrap_or_else(|| (key.clone(), Arc::default()));
        let cell = entry.1.clone();
        entries.push_front(entry);
        entries.truncate(self.max);
        cell
    }
}
