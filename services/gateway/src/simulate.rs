//! `POST /ledger/v1/products/{id}/usage/rules/simulate`: what usage rules would have decided about the submissions of a
//! past period. It is judged exactly as at a submission, and nothing of it is recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ledger::catalog::Environment;
use ledger::fact::{FileCreated, Period, Total};
use ledger::rule::{AskedRule, RULES_MAX, RuleItem, RuleScope, provider_of, rules_of};
use ledger::{FileId, Ledger, Moment, ObjectId, Rejection, RuleAction, Scope, UsageFile};
use rql::judge::{CompiledRules, Judgement};
use rql::objects::{FileObject, RecordsOf};
use serde_json::Value;

use crate::app::App;
use crate::auth::Caller;
use crate::error::{Answered, ApiError};
use crate::files::aside;
use crate::json::simulation::{Share, Simulation, Stopped, Tried};
use crate::json::totals::sums;
use crate::json::{self, FileReference};
use crate::openapi::{Changing, bodies, params, tag};
use crate::payload::{Fields, Payload};
use crate::period::Zone;
use crate::rules::{product_id, terms};

/// Files that one simulation tries,
const FILES_MAX: usize = 1_000;
/// and records: some ten seconds of reading them.
const RECORDS_MAX: u64 = 5_000_000;
/// Files that are looked at under one lock of the fold.
const FILES_AT_ONCE: usize = 256;

/// Try usage rules
///
/// What a set of rules would have decided about the submissions of a past period, by the same judge as at a submission.
/// Without `rules` the active ones are tried. Nothing is recorded. For providers; an operator says for whom in
/// `account_id`.
#[utoipa::path(
    post,
    path = "/ledger/v1/products/{id}/usage/rules/simulate",
    operation_id = "simulate_rules",
    tag = tag::RULES,
    params(params::ProductId),
    request_body(content = bodies::SimulationTerms),
    responses((status = 200, description = "What they come to", body = Simulation), Changing),
)]
pub(crate) async fn simulate(
    Caller(scope): Caller,
    State(app): State<Arc<App>>,
    Path(product): Path<String>,
    payload: Payload,
) -> Answered {
    let product = product_id(&app, &product, &scope)?;
    // What the client was told before counts, whoever told it.
    app.catch_up().await;
    let trial = Trial::new(&app.projection.read(), product, payload.fields()?, &scope)?;
    // The semaphore is never closed; if it were, nobody would have to wait.
    let turn = app.dry_runs.clone().acquire_owned().await.ok();
    let outcome = aside("a simulation of usage rules", move || {
        let outcome = trial.run(&app);
        drop(turn);
        outcome
    });
    Ok(json::answer(StatusCode::OK, &json::value(&outcome.await??)))
}

/// A set of rules, and what it is tried on.
struct Trial {
    product: ObjectId,
    provider: ObjectId,
    period: Option<Period>,
    rules: Vec<AskedRule>,
    compiled: CompiledRules,
}

/// Files of one outcome.
#[derive(Default)]
struct Gathered {
    files: usize,
    records: u64,
    totals: Vec<Total>,
}

impl Trial {
    fn new(ledger: &Ledger, product: ObjectId, fields: Fields<'_>, scope: &Scope) -> Result<Self, Rejection> {
        let named = fields.value("account_id").map(|_| fields.reference("account_id")).transpose()?;
        let provider = provider_of(&ledger.catalog, &product, named.as_ref(), scope)?;
        let zone = fields.zone()?.unwrap_or(Zone::UTC);
        let period = fields.period(zone)?;
        let rules = match fields.value("rules") {
            Some(given) => set(ledger, &product, given)?,
            None => {
                let known = rules_of(&ledger.rules, &product, &provider);
                let active = known.into_iter().filter(|(_, rule)| rule.deleted.is_none());
                active.map(|(id, rule)| rule.asked(id)).collect()
            }
        };
        let unread = |fault: rql::judge::RuleFault| Rejection::field("rules", format!("{fault}: {}", fault.source));
        let compiled = CompiledRules::new(&rules).map_err(unread)?;
        Ok(Self { product, provider, period, rules, compiled })
    }

    /// Tries the rules on one submission after the other. May take long.
    fn run(&self, app: &App) -> Result<Simulation, ApiError> {
        let mut gathered: BTreeMap<RuleAction, Gathered> = BTreeMap::new();
        let (mut tried, mut records, mut stopped) = (Vec::new(), 0_u64, None);
        for (at, id) in self.submissions(app) {
            let known = app.projection.read().file(id).map(|file| (file.status(), file.as_submitted()));
            let Some((status, file)) = known else { continue };
            let Some(created) = file.approval.created.as_deref() else { continue };
            let valid = u64::from(file.stats().validated);
            if let Some(reason) = limit(tried.len(), records, valid) {
                stopped = Some(Stopped::new(at, reason));
                break;
            }
            let judgement = self.judge(app, id, &file)?;
            records = records.saturating_add(valid);
            let sum = gathered.entry(judgement.action).or_default();
            sum.files += 1;
            sum.records = sum.records.saturating_add(valid);
            sum.totals = sums(sum.totals.iter().chain(file.totals()));
            let rule = judgement.rule.and_then(|index| self.rules.get(index));
            tried.push(Tried {
                file: FileReference::new(id, created),
                submitted: at.iso(),
                status: status.name(),
                outcome: judgement.action.name(),
                rule: rule.map(|rule| rule.id.to_string()),
                reason: judgement.reason,
            });
        }
        let mut share = |action| {
            let Gathered { files, records, totals } = gathered.remove(&action).unwrap_or_default();
            Share::new(files, records, &totals)
        };
        Ok(Simulation {
            submissions: tried.len(),
            accepted: share(RuleAction::Accept),
            rejected: share(RuleAction::Reject),
            left: share(RuleAction::Manual),
            files: tried,
            stopped,
        })
    }

    /// The submissions of the period in their order: those that the provider's rules were asked about, or would have
    /// been had there been any.
    fn submissions(&self, app: &App) -> Vec<(Moment, FileId)> {
        let ids: Vec<FileId> = app.projection.read().files.keys().copied().collect();
        let mut found = Vec::new();
        for ids in ids.chunks(FILES_AT_ONCE) {
            let ledger = app.projection.read();
            let submitted = |id: &FileId| Some((self.submitted(ledger.file(*id)?)?, *id));
            found.extend(ids.iter().filter_map(submitted));
        }
        found.sort_unstable();
        found
    }

    fn submitted(&self, file: &UsageFile) -> Option<Moment> {
        let FileCreated { product, provider, environment, .. } = file.approval.created.as_deref()?;
        let at = file.approval.submitted_at.as_ref()?.at;
        let asked = (&product.id, &provider.id) == (&self.product, &self.provider);
        // A provider no longer sees a file that was withdrawn.
        let there = file.approval.deleted_at.is_none();
        let within = self.period.is_none_or(|period| (period.from..=last_instant(period)).contains(&at));
        (asked && there && *environment == Environment::Production && within).then_some(at)
    }

    fn judge(&self, app: &App, id: FileId, file: &UsageFile) -> Result<Judgement, ApiError> {
        let object = FileObject::new(id, file).ok_or(ApiError::NOT_FOUND)?;
        let of = RecordsOf::new(id, file).ok_or(ApiError::NOT_FOUND)?;
        let judgement = self.compiled.judge(&object, |judge| {
            let with_text = self.compiled.needs_text();
            app.records.walk(id, file, with_text, |read, checked| judge.take_all(of, read, checked))
        });
        Ok(judgement?)
    }
}

/// A period ends with its last second, in which submissions have fractions.
fn last_instant(period: Period) -> Moment {
    Moment(period.to.0.saturating_add(Moment::SECOND - 1))
}

/// Why a file with so many records is not tried after others.
fn limit(files: usize, records: u64, more: u64) -> Option<String> {
    if files >= FILES_MAX {
        return Some(format!("A simulation tries at most {FILES_MAX} files. Begin the next one here."));
    }
    let over = records > 0 && records.saturating_add(more) > RECORDS_MAX;
    over.then(|| format!("A simulation tries at most {RECORDS_MAX} records. Begin the next one here."))
}

/// The whole set that a client wants to try, in order. A rule without an id is named by its number.
fn set(ledger: &Ledger, product: &ObjectId, given: &Value) -> Result<Vec<AskedRule>, Rejection> {
    let Value::Array(rules) = given else {
        return Err(Rejection::field("rules", "Expected a list of {action, scope, rule, item}."));
    };
    if rules.len() > RULES_MAX {
        let message = format!("A product may have at most {RULES_MAX} usage rules (there are {}).", rules.len());
        return Err(Rejection::field("rules", message));
    }
    let within = |place: usize, rejection: Rejection| match rejection {
        Rejection::FieldInvalid { field, message } => {
            Rejection::FieldInvalid { field: format!("rules.{place}.{field}"), message }
        }
        other => other,
    };
    let rules = rules.iter().enumerate();
    rules.map(|(place, rule)| asked(ledger, product, place, rule).map_err(|it| within(place, it))).collect()
}

fn asked(ledger: &Ledger, product: &ObjectId, place: usize, given: &Value) -> Result<AskedRule, Rejection> {
    let fields = Fields::of(given);
    let terms = terms(fields)?;
    let action = terms.action.ok_or_else(|| Rejection::field("action", "This field is required."))?;
    let scope = terms.scope.unwrap_or(RuleScope::File);
    let expression = terms.expression.unwrap_or_default();
    let item = if let RuleItem::One(item) = terms.item { Some(item) } else { None };
    rql::judge::admit(&ledger.catalog, product, scope, &expression, item.as_ref())?;
    let named = fields.text("id")?.unwrap_or_else(|| (place + 1).to_string());
    let id = ObjectId::new(&named).ok_or_else(|| Rejection::field("id", format!("\"{named}\" is no valid id.")))?;
    Ok(AskedRule { id, action, scope, expression, item })
}
