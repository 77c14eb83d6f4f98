//! What usage rules decide about a file (connect-api §6): the conditions of a set of rules, read once, and the order in
//! which they are asked. Whoever decides or only wants to know what would be decided does it here.
//!
//! First the rules about files, the first one that fits decides. Where none fits, each record takes the first rule about
//! records that fits it: one rejected record rejects the file, all accepted ones accept it, anything else leaves it to a
//! person. A file is accepted or rejected as a whole.

mod names;

use ledger::record::{CheckedBatch, ItemFacts, ReadBatch};
use ledger::rule::{AskedRule, EXPRESSION_CHARS_MAX, RuleAction, RuleScope, Ruling};
use ledger::{Catalog, ObjectId, Rejection, UsageFile};

use crate::condition::Node;
use crate::objects::{FileObject, PARAMS_PREFIX, RecordObject, RecordsOf};
use crate::{RqlError, parse};
use names::RuleNames;

/// Characters of a condition that a reason quotes.
const QUOTED_CHARS_MAX: usize = 80;

/// Checks the condition of a rule as it is saved.
///
/// # Errors
/// Anything that is no condition, with its position: bad grammar, a name that there isn't, an operator or a value that
/// a field doesn't have, and what belongs to lists.
pub fn check(scope: RuleScope, expression: &str) -> Result<(), RqlError> {
    condition(scope, expression).map(drop)
}

/// The names that conditions of a scope may use; those of records also `params.` with a custom column.
pub fn names(scope: RuleScope) -> impl Iterator<Item = &'static str> {
    RuleNames(scope).known().map(|field| field.name)
}

/// Checks what a rule of a product is to say, as it is saved or tried.
///
/// # Errors
/// A condition that is too long or can't be read, and an item that is none of the product.
pub fn admit(
    catalog: &Catalog,
    product: &ObjectId,
    scope: RuleScope,
    expression: &str,
    item: Option<&ObjectId>,
) -> Result<(), Rejection> {
    let length = expression.chars().count();
    if length > EXPRESSION_CHARS_MAX {
        let message =
            format!("Ensure this field has no more than {EXPRESSION_CHARS_MAX} characters (it has {length}).");
        return Err(Rejection::field("rule", message));
    }
    check(scope, expression).map_err(|error| Rejection::field("rule", error.to_string()))?;
    match item.filter(|item| catalog.items.get(item).is_none_or(|known| known.product != *product)) {
        Some(item) => {
            let message = format!("Item {item} is none of product {product}. Name one that is, or leave it out.");
            Err(Rejection::field("item.id", message))
        }
        None => Ok(()),
    }
}

fn condition(scope: RuleScope, expression: &str) -> Result<Node, RqlError> {
    let expr = if expression.trim().is_empty() { None } else { parse::condition(expression)? };
    let node = expr.map(|expr| Node::of(expr, &RuleNames(scope))).transpose()?.flatten();
    Ok(node.unwrap_or_else(|| Node::All(Vec::new())))
}

/// A rule whose condition can't be read: it was saved by a version that knew more, or less.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the condition of usage rule {rule} can't be read")]
pub struct RuleFault {
    /// Which rule.
    pub rule: ObjectId,
    /// What is wrong with it.
    pub source: RqlError,
}

/// What a set of rules came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The rule that decided, by its place in the set; none where several did, or none.
    pub rule: Option<usize>,
    /// What becomes of the file.
    pub action: RuleAction,
    /// Why, for people to read.
    pub reason: String,
}

/// The rules of a product and provider, in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct CompiledRules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    asked: AskedRule,
    condition: Node,
}

impl CompiledRules {
    /// Reads the conditions of a set of rules.
    ///
    /// # Errors
    /// The first rule that can't be read.
    pub fn new(rules: &[AskedRule]) -> Result<Self, RuleFault> {
        let compile = |asked: &AskedRule| match condition(asked.scope, &asked.expression) {
            Ok(condition) => Ok(Rule { asked: asked.clone(), condition }),
            Err(source) => Err(RuleFault { rule: asked.id.clone(), source }),
        };
        rules.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Decides about a file. Its records are given only where the rules about files decide nothing: the closure gives
    /// every valid record, in the order of its rows, to [`RecordsJudge::take`].
    ///
    /// # Errors
    /// What kept the records from being given.
    pub fn judge<E>(
        &self,
        file: &FileObject<'_>,
        records: impl FnOnce(&mut RecordsJudge<'_>) -> Result<(), E>,
    ) -> Result<Judgement, E> {
        if let Some(judgement) = self.of_file(file) {
            return Ok(judgement);
        }
        let mut judge = self.of_records();
        records(&mut judge)?;
        Ok(judge.done())
    }

    /// What is decided without reading records; none where they must be read.
    #[must_use]
    pub fn of_file(&self, file: &FileObject<'_>) -> Option<Judgement> {
        let decides = |rule: &Rule| {
            rule.asked.scope == RuleScope::File
                && rule.asked.item.as_ref().is_none_or(|item| is_all_about(file.file(), item))
                && rule.condition.matches(file)
        };
        if let Some((index, rule)) = self.0.iter().enumerate().find(|(_, rule)| decides(rule)) {
            let reason = rule.reason("files");
            return Some(Judgement { rule: Some(index), action: rule.asked.action, reason: format!("{reason}.") });
        }
        (!self.needs_records()).then(|| nothing("No usage rule is about this file."))
    }

    /// Whether some rule is about records.
    #[must_use]
    pub fn needs_records(&self) -> bool {
        self.0.iter().any(|rule| rule.asked.scope == RuleScope::Record)
    }

    /// Whether some condition is about the text of records, so that batches are needed as they were read.
    #[must_use]
    pub fn needs_text(&self) -> bool {
        let is_text = |path: &str| path.starts_with(PARAMS_PREFIX) || path == "category.id";
        self.0.iter().any(|rule| rule.asked.scope == RuleScope::Record && rule.condition.names(&is_text))
    }

    /// Where the records of a file are given that the rules about files left open.
    #[must_use]
    pub fn of_records(&self) -> RecordsJudge<'_> {
        RecordsJudge {
            rules: &self.0,
            tallies: vec![Tally::default(); self.0.len()],
            open: Tally::default(),
            rejected: None,
        }
    }
}

impl Judgement {
    /// The judgement as it is recorded.
    #[must_use]
    pub fn ruling(self, rules: &[AskedRule]) -> Ruling {
        let rule = self.rule.and_then(|index| rules.get(index)).map(|rule| rule.id.clone());
        Ruling { rule, action: self.action, reason: self.reason }
    }
}

impl Rule {
    /// `Usage rule UGR-1 accepts records of item PRD-1-0001 that match gt(amount,1)`.
    fn reason(&self, what: &str) -> String {
        let AskedRule { id, action, expression, item, .. } = &self.asked;
        let item = item.as_ref().map(|item| format!(" of item {item}")).unwrap_or_default();
        let condition = match expression.trim() {
            "" => String::new(),
            text => format!(" that match {}", shortened(text)),
        };
        match action {
            RuleAction::Accept => format!("Usage rule {id} accepts {what}{item}{condition}"),
            RuleAction::Reject => format!("Usage rule {id} rejects {what}{item}{condition}"),
            RuleAction::Manual => format!("Usage rule {id} leaves {what}{item}{condition} to a person"),
        }
    }

    fn fits(&self, record: &RecordObject<'_>, item: Option<&ItemFacts>) -> bool {
        self.asked.scope == RuleScope::Record
            && self.asked.item.as_ref().is_none_or(|wanted| item.is_some_and(|item| item.named.id == *wanted))
            && self.condition.matches(record)
    }
}

/// How many records, and the row of the first one.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    records: u32,
    first: u32,
}

impl Tally {
    fn add(&mut self, row: u32) {
        if self.records == 0 {
            self.first = row;
        }
        self.records = self.records.saturating_add(1);
    }
}

/// The rules about records at work.
#[derive(Debug)]
pub struct RecordsJudge<'a> {
    rules: &'a [Rule],
    /// The records of each rule.
    tallies: Vec<Tally>,
    /// The records that no rule fits.
    open: Tally,
    /// The rule that rejected one, and its row.
    rejected: Option<(usize, u32)>,
}

impl RecordsJudge<'_> {
    /// Takes the next record; false where no further one matters.
    pub fn take(&mut self, record: &RecordObject<'_>) -> bool {
        if self.rejected.is_some() {
            return false;
        }
        let (row, item) = (record.row().unwrap_or(0), record.item());
        let found = self.rules.iter().enumerate().find(|(_, rule)| rule.fits(record, item));
        match found {
            Some((index, rule)) if rule.asked.action == RuleAction::Reject => self.rejected = Some((index, row)),
            Some((index, _)) => self.tallies.get_mut(index).into_iter().for_each(|tally| tally.add(row)),
            None => self.open.add(row),
        }
        self.rejected.is_none()
    }

    /// Takes the records of a batch, with its text where a condition is about it; false where no further one matters.
    pub fn take_all(&mut self, of: RecordsOf<'_>, read: Option<&ReadBatch>, checked: &CheckedBatch) -> bool {
        let record = |index| RecordObject { of, read, checked: Some(checked), index, status: Some("valid") };
        (0..checked.records.len()).all(|index| self.take(&record(index)))
    }

    /// What becomes of the file, once all its records were taken.
    #[must_use]
    pub fn done(self) -> Judgement {
        if let Some((index, row)) = self.rejected {
            let reason = self.rules.get(index).map(|rule| rule.reason("records")).unwrap_or_default();
            let reason = format!("{reason}; the first is in row {row}.");
            return Judgement { rule: Some(index), action: RuleAction::Reject, reason };
        }
        let used: Vec<(usize, &Rule, Tally)> =
            (0..).zip(self.rules).zip(&self.tallies).map(|((index, rule), tally)| (index, rule, *tally)).collect();
        let used = used.into_iter().filter(|(_, _, tally)| tally.records > 0).collect::<Vec<_>>();
        if used.is_empty() && self.open.records == 0 {
            return nothing("The file has no records for usage rules to decide by.");
        }
        let only = if let [(index, ..)] = used.as_slice() { Some(*index) } else { None };
        let is_manual = |rule: &Rule| rule.asked.action == RuleAction::Manual;
        let mut parts: Vec<String> = used.iter().map(|(_, rule, tally)| counted(rule, *tally)).collect();
        if self.open.records > 0 {
            parts.push(format!("No usage rule fits {}", rows(self.open)));
        }
        let reason = format!("{}.", parts.join(". "));
        let left = self.open.records > 0 || used.iter().any(|(_, rule, _)| is_manual(rule));
        if !left {
            return Judgement { rule: only, action: RuleAction::Accept, reason };
        }
        let manual = used.iter().find(|(_, rule, _)| is_manual(rule)).map(|(index, ..)| *index);
        Judgement { rule: manual, action: RuleAction::Manual, reason }
    }
}

fn counted(rule: &Rule, tally: Tally) -> String {
    format!("{}: {}", rule.reason("records"), rows(tally))
}

fn rows(Tally { records, first }: Tally) -> String {
    if records == 1 { format!("1 record, row {first}") } else { format!("{records} records, the first in row {first}") }
}

fn nothing(reason: &str) -> Judgement {
    Judgement { rule: None, action: RuleAction::Manual, reason: reason.to_owned() }
}

/// Whether every valid record of a file is about one item: its summary says so.
fn is_all_about(file: &UsageFile, item: &ObjectId) -> bool {
    let summary = file.current_checking().map_or(&[][..], |checking| &checking.summary);
    !summary.is_empty() && summary.iter().all(|line| line.item == *item)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
