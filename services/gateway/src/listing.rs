//! Lists: the query checked, the objects filtered, sorted and cut to a page, and the header that says where it stands.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_RANGE;
use axum::response::{IntoResponse, Response};
use ledger::{FileId, Role, Scope};
use serde_json::Value;

use crate::error::ApiError;
use crate::json;
use crate::visibility::{self, Kind};
use rql::{Compiled, Field, Page, Query, content_range};

/// What a list was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) query: Compiled,
    pub(crate) page: Page,
    pub(crate) kind: Kind,
    pub(crate) role: Role,
}

impl Wanted {
    /// Checks the text behind the `?` against the fields of a kind of object and what the caller sees of them.
    pub(crate) fn new(
        raw: Option<&str>,
        fields: &'static [Field],
        kind: Kind,
        scope: &Scope,
    ) -> Result<Self, ApiError> {
        let query = Query::parse(raw.unwrap_or_default())?;
        let page = Page::of(&query);
        let role = scope.role;
        let query = Compiled::new(query, fields, |field| visibility::sees(kind, field.path, role))?;
        Ok(Self { query, page, kind, role })
    }

    /// The files that the query names by a field, if it names any.
    pub(crate) fn files(&self, field: &str) -> Option<Vec<FileId>> {
        let ids = self.query.required_values(field)?;
        Some(ids.into_iter().filter_map(FileId::parse).collect())
    }

    /// A page whose objects were found already, which come whole.
    pub(crate) fn found(&self, mut objects: Vec<Value>, total: u64) -> Found {
        for object in &mut objects {
            visibility::trim(self.kind, object, self.role);
            self.query.select(object);
        }
        Found { offset: self.page.offset, objects, total }
    }

    /// Those of some objects that fulfil the condition, all of them and in their order.
    pub(crate) fn all_of(&self, objects: Vec<Value>) -> Vec<Value> {
        objects.into_iter().filter(|object| self.query.matches(object)).collect()
    }

    /// The page of some objects, which come whole: what the caller doesn't see is taken away here, before anything is
    /// compared.
    pub(crate) fn page_of(&self, objects: impl IntoIterator<Item = Value>) -> Found {
        let mut gathering = Gathering::new(self);
        for mut object in objects {
            visibility::trim(self.kind, &mut object, self.role);
            if self.query.matches(&object) {
                gathering.take(object);
            }
        }
        gathering.finish()
    }
}

/// A page, and how many objects there are beyond it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) objects: Vec<Value>,
    pub(crate) total: u64,
}

impl IntoResponse for Found {
    fn into_response(self) -> Response {
        let range = content_range(self.offset, self.objects.len() as u64, self.total);
        let mut response = json::answer(axum::http::StatusCode::OK, &Value::Array(self.objects));
        if let Ok(range) = HeaderValue::from_str(&range) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
        response
    }
}

/// Objects that fulfil a condition, as they come; only those that can be on the page are kept.
struct Gathering<'a> {
    wanted: &'a Wanted,
    kept: Vec<Value>,
    total: u64,
}

/// Sorting begins with so many objects more than can be on the page: fewer would sort too often.
const SORT_SLACK: usize = 4096;

impl<'a> Gathering<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self { wanted, kept: Vec::new(), total: 0 }
    }

    fn take(&mut self, object: Value) {
        let Page { offset, limit } = self.wanted.page;
        let on_page = self.total >= offset && self.total - offset < limit;
        self.total += 1;
        if self.wanted.query.is_ordered() && limit > 0 {
            self.kept.push(object);
            let most = self.most();
            if self.kept.len() >= most.saturating_add(SORT_SLACK) {
                self.wanted.query.sort(&mut self.kept);
                self.kept.truncate(most);
            }
        } else if on_page {
            self.kept.push(object);
        }
    }

    /// How many objects of the order's beginning the page needs.
    fn most(&self) -> usize {
        let Page { offset, limit } = self.wanted.page;
        usize::try_from(offset.saturating_add(limit)).unwrap_or(usize::MAX)
    }

    fn finish(mut self) -> Found {
        let Page { offset, limit } = self.wanted.page;
        if self.wanted.query.is_ordered() {
            self.wanted.query.sort(&mut self.kept);
            let skip = usize::try_from(offset).unwrap_or(usize::MAX).min(self.kept.len());
            self.kept.drain(..skip);
            self.kept.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        self.kept.iter_mut().for_each(|object| self.wanted.query.select(object));
        Found { offset, objects: self.kept, total: self.total }
    }
}
