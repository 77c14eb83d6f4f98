//! The window of a list: `limit`, `offset` and the `Content-Range` that tells a client where it stands.

use super::Query;

/// Objects on a page that doesn't say: what connect-openapi-client asks for by itself.
pub const LIMIT_DEFAULT: u64 = 100;
/// Objects on the largest page: Connect's `RQL1000Pagination`. A higher `limit` gets this many.
pub const LIMIT_MAX: u64 = 1000;

/// The window of a list that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Objects to skip.
    pub offset: u64,
    /// Objects to show, at most.
    pub limit: u64,
}

impl Page {
    /// The window of a query. Without objects to show there is nothing to skip: `limit=0` is how clients count.
    #[must_use]
    pub fn of(query: &Query) -> Self {
        let limit = query.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
        let offset = if limit == 0 { 0 } else { query.offset.unwrap_or(0) };
        Self { offset, limit }
    }
}

/// The value of `Content-Range` for `count` objects from number `first` on, of `total`.
///
/// Clients split it at the space, the slash and the dash, so that even an empty list has two numbers. Beyond the end
/// it names the offset, else a client that pages until `last` reaches the total would ask for ever.
#[must_use]
pub fn content_range(first: u64, count: u64, total: u64) -> String {
    if total == 0 {
        return "items 0-0/0".to_owned();
    }
    let last = first.saturating_add(count.saturating_sub(1));
    format!("items {first}-{last}/{total}")
}
