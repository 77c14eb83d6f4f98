//! Usage rules: what a provider decides in advance, in the order in which it is asked, tried on what was submitted
//! before it decides anything.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::Method;
use axum::response::Response;
use chrono::Months;
use serde::Deserialize;
use serde_json::{Value, json};

use std::sync::Arc;

use super::file::{clean, once};
use super::products::{given, known};
use crate::Portal;
use crate::chrome::{Chrome, page};
use crate::count::Count;
use crate::done::leading;
use crate::fault::Fault;
use crate::shape::{Product, Reference, Total, TotalLine, total_lines};
use crate::signed::{Role, Signed};
use crate::time::{At, day};

/// A product has at most 100 active rules; deleted ones are listed as well.
const SHOWN: u64 = 1_000;
/// The name under which a rule is tried that isn't there yet.
const NEW: &str = "new";
/// How far back rules are tried, in months.
const MONTHS: [u32; 4] = [1, 3, 6, 12];

/// A rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    id: String,
    action: String,
    scope: String,
    rule: String,
    item: Option<Reference>,
    status: String,
}

impl Rule {
    /// As the API takes it.
    fn terms(&self) -> Value {
        let item = self.item.as_ref().filter(|item| !item.id.is_empty()).map(|item| json!({ "id": item.id }));
        json!({ "id": self.id, "action": self.action, "scope": self.scope, "rule": self.rule, "item": item })
    }
}

/// What came of trying a set of rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Trial {
    submissions: Count,
    accepted: Pile,
    rejected: Pile,
    left: Pile,
    files: Vec<Tried>,
    stopped: Option<Stopped>,
}

/// Files that would have come to the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Pile {
    files: Count,
    records: Count,
    totals: Vec<Total>,
}

impl Pile {
    /// Its totals as they are shown.
    fn lines(&self) -> Vec<TotalLine> {
        total_lines(&self.totals.iter().map(|total| ("", total)).collect::<Vec<_>>())
    }
}

/// What would have become of a file.
#[derive(Clone, Debug, Deserialize)]
struct Tried {
    file: Reference,
    submitted: At,
    status: String,
    outcome: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Stopped {
    at: At,
}

impl Trial {
    /// The piles with their names.
    fn piles(&self) -> [(&'static str, &'static str, &Pile); 3] {
        [
            ("Accepted", "accepted", &self.accepted),
            ("Rejected", "rejected", &self.rejected),
            ("Left to you", "pending", &self.left),
        ]
    }

    /// How many files a rule would have decided.
    fn decided(&self, rule: &str) -> Count {
        Count(self.files.iter().filter(|file| file.rule == rule).count() as u64)
    }
}

#[derive(Template)]
#[template(path = "rules.html")]
struct Rules {
    chrome: Chrome,
    product: Product,
    tab: &'static str,
    role: Role,
    rules: Vec<Rule>,
    once: String,
}

#[derive(Template)]
#[template(path = "rule.html")]
struct Editor {
    chrome: Chrome,
    product: Product,
    tab: &'static str,
    role: Role,
    rule: Rule,
    /// The one that it comes after: none is the first place.
    after: Option<String>,
    others: Vec<Rule>,
    items: Vec<Reference>,
    months: u32,
    choices: [u32; 4],
    trial: Option<Trial>,
    once: String,
}

impl Editor {
    fn is_new(&self) -> bool {
        self.rule.id == NEW
    }

    /// Whether it comes right after a rule.
    fn is_after(&self, rule: &str) -> bool {
        self.after.as_deref() == Some(rule)
    }

    fn is_of(&self, item: &str) -> bool {
        self.rule.item.as_ref().is_some_and(|known| known.id == item)
    }
}

async fn active(signed: &Signed, product: &str) -> Result<Vec<Rule>, Fault> {
    let path = format!("/public/v1/products/{product}/usage/rules?status=active&limit={SHOWN}");
    Ok(signed.api.list(&path).await?.items)
}

/// The rules in order.
pub(crate) async fn list(signed: Signed, Path(id): Path<String>) -> Result<Response, Fault> {
    let product = known(&signed, &id).await?;
    let rules = active(&signed, &product.id).await?;
    Ok(page(&Rules {
        chrome: signed.chrome("products"),
        tab: "rules",
        role: signed.who.role,
        rules,
        once: once(),
        product,
    }))
}

/// The editor of a rule, or of a new one.
pub(crate) async fn edit(signed: Signed, Path((id, rule)): Path<(String, String)>) -> Result<Response, Fault> {
    let product = known(&signed, &id).await?;
    let rules = active(&signed, &product.id).await?;
    let place = rules.iter().position(|known| known.id == rule);
    let before = place.map_or(rules.len(), |place| place).checked_sub(1).and_then(|index| rules.get(index));
    let after = before.map(|before| before.id.clone());
    let fresh =
        || Rule { id: NEW.to_owned(), action: "accept".to_owned(), scope: "file".to_owned(), ..Rule::default() };
    let edited = match place.and_then(|place| rules.get(place)) {
        Some(known) => known.clone(),
        None if rule == NEW => fresh(),
        None => return Err(Fault::missing()),
    };
    let trial = None;
    editor(&signed, product, rules, Draft { rule: edited, after, months: 6 }, trial).await
}

/// A rule as somebody would have it.
struct Draft {
    rule: Rule,
    after: Option<String>,
    months: u32,
}

async fn editor(
    signed: &Signed,
    product: Product,
    rules: Vec<Rule>,
    draft: Draft,
    trial: Option<Trial>,
) -> Result<Response, Fault> {
    let items = signed.api.list(&format!("/public/v1/products/{}/items?limit={SHOWN}", product.id)).await?.items;
    let Draft { rule, after, months } = draft;
    Ok(page(&Editor {
        chrome: signed.chrome("products"),
        tab: "rules",
        role: signed.who.role,
        others: rules.into_iter().filter(|other| other.id != rule.id).collect(),
        rule,
        after,
        items,
        months,
        choices: MONTHS,
        trial,
        once: once(),
        product,
    }))
}

/// What the editor sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    once: String,
    id: String,
    action: String,
    scope: String,
    rule: String,
    item: String,
    after: String,
    months: u32,
}

impl Sent {
    fn draft(&self) -> Draft {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let item = text(&self.item).map(|id| Reference { id, name: String::new() });
        let rule = Rule {
            id: if self.id.is_empty() { NEW.to_owned() } else { self.id.clone() },
            action: self.action.clone(),
            scope: self.scope.clone(),
            rule: self.rule.trim().to_owned(),
            item,
            status: String::new(),
        };
        let months = if MONTHS.contains(&self.months) { self.months } else { 6 };
        Draft { rule, after: text(&self.after), months }
    }
}

/// Tries a rule, together with the others, on what was submitted before. Nothing is recorded.
pub(crate) async fn attempt(
    signed: Signed,
    State(portal): State<Arc<Portal>>,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Fault> {
    let product = known(&signed, &id).await?;
    let rules = active(&signed, &product.id).await?;
    let draft = sent.draft();
    let mut set: Vec<Value> = rules.iter().filter(|other| other.id != draft.rule.id).map(Rule::terms).collect();
    let after = set.iter().position(|other| other.get("id").and_then(Value::as_str) == draft.after.as_deref());
    set.insert(after.map_or(0, |place| place.saturating_add(1)), draft.rule.terms());
    let (from, to) = (day((portal.now)(), Months::new(draft.months)), day((portal.now)(), Months::new(0)));
    let content = json!({ "rules": set, "period": { "from": from, "to": to } });
    let path = format!("/ledger/v1/products/{}/usage/rules/simulate", product.id);
    let tried = signed.api.post(&path, None, &content).await?;
    let trial = serde_json::from_value(tried).map_err(|error| Fault::Unreadable { path, detail: error.to_string() })?;
    editor(&signed, product, rules, draft, Some(trial)).await
}

/// Creates a rule or changes one.
pub(crate) async fn save(signed: Signed, Path(id): Path<String>, Form(sent): Form<Sent>) -> Result<Response, Fault> {
    let id = clean(&id)?;
    let Draft { rule, after, .. } = sent.draft();
    let mut terms = rule.terms();
    if let Some(members) = terms.as_object_mut() {
        members.remove("id");
        members.insert("gravity".to_owned(), json!({ "after": after }));
    }
    let rules = format!("/public/v1/products/{id}/usage/rules");
    if rule.id == NEW {
        signed.api.post(&rules, given(&sent.once), &terms).await?;
    } else {
        signed.api.send(Method::PUT, &format!("{rules}/{}", clean(&rule.id)?), given(&sent.once), &terms).await?;
    }
    Ok(leading(&format!("/products/{id}/rules"), "rule"))
}

/// What the list's buttons send.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Button {
    once: String,
    /// The rule that it is to come after, for a rule that moves; nothing for the first place.
    after: String,
}

/// Moves a rule.
pub(crate) async fn shift(
    signed: Signed,
    Path((id, rule)): Path<(String, String)>,
    Form(sent): Form<Button>,
) -> Result<Response, Fault> {
    let (id, rule) = (clean(&id)?, clean(&rule)?);
    let after = (!sent.after.is_empty()).then_some(sent.after);
    let once = given(&sent.once).map(|once| format!("{once}-{rule}-moved"));
    let path = format!("/public/v1/products/{id}/usage/rules/{rule}");
    signed.api.send(Method::PUT, &path, once.as_deref(), &json!({ "gravity": { "after": after } })).await?;
    Ok(leading(&format!("/products/{id}/rules"), "rule-moved"))
}

/// Deletes one.
pub(crate) async fn delete(
    signed: Signed,
    Path((id, rule)): Path<(String, String)>,
    Form(sent): Form<Button>,
) -> Result<Response, Fault> {
    let (id, rule) = (clean(&id)?, clean(&rule)?);
    let once = given(&sent.once).map(|once| format!("{once}-{rule}-deleted"));
    let path = format!("/public/v1/products/{id}/usage/rules/{rule}");
    signed.api.send(Method::DELETE, &path, once.as_deref(), &Value::Null).await?;
    Ok(leading(&format!("/products/{id}/rules"), "rule-deleted"))
}

impl Rules {
    /// After which rule one stands that goes up by one place: none for the first place, or where it can't go.
    fn above(&self, place: &usize) -> &str {
        place.checked_sub(2).and_then(|index| self.rules.get(index)).map_or("", |rule| rule.id.as_str())
    }

    /// After which rule one stands that goes down by one place.
    fn below(&self, place: &usize) -> &str {
        self.rules.get(place.saturating_add(1)).map_or("", |rule| rule.id.as_str())
    }
}
