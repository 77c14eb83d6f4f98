//! Usage rules: a provider's own, for products that are listed under one of its contracts.

use ledger::catalog::Role;
use ledger::rule::{
    self, AskedRule, RULES_MAX, RuleItem, RulePlace, RuleRecorded, RuleTerms, Rules, UsageRule, provider_of, rule_id,
    rules_of,
};
use ledger::{Command, Context, Fact, FileId, Ledger, ObjectId, Partition, Rejection, Scope, Subject, UsageFile};
use runtime::decider::Facts;

/// Text of conditions that one fact carries: it stays well below a frame of the log whatever the alphabet.
const ASKED_BYTES_MAX: usize = 48 * 1024;

/// The facts that say which rules are asked about a file that is submitted now. In partition 0 they stand in the same
/// log, whose order says it; anywhere else nobody could tell what was heard of them by then.
pub(crate) fn asked(ledger: &Ledger, id: FileId, file: &UsageFile) -> Vec<Fact> {
    if id.partition() == Partition::default() {
        return Vec::new();
    }
    let Some(created) = &file.approval.created else { return Vec::new() };
    let (upload, mut parts, mut bytes) = (file.upload(), Vec::<Vec<AskedRule>>::new(), 0);
    for rule in rule::asked(&ledger.rules, created) {
        bytes += rule.expression.len();
        match parts.last_mut() {
            Some(part) if bytes <= ASKED_BYTES_MAX => part.push(rule),
            _ => {
                bytes = rule.expression.len();
                parts.push(vec![rule]);
            }
        }
    }
    parts.into_iter().map(|rules| Fact::RulesAsked { upload, rules }).collect()
}

/// Decides a command about rules.
pub(crate) fn decide(ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
    let scope = &context.scope;
    if scope.role == Role::Vendor {
        return Err(Rejection::RoleNotAllowed);
    }
    match command {
        Command::CreateRule { product, provider, terms } => create(ledger, product, provider.as_ref(), terms, scope),
        Command::ChangeRule { product, rule, terms } => {
            let known = own(ledger, product, rule, scope)?;
            change(ledger, rule, known, terms)
        }
        Command::DeleteRule { product, rule } => {
            let known = own(ledger, product, rule, scope)?;
            // A second deletion gives the same answer.
            let fact = known.deleted.is_none().then(|| (Subject::Object(rule.clone()), Fact::RuleDeleted));
            Ok(fact.into_iter().collect())
        }
        _ => Err(Rejection::NotFound),
    }
}

fn create(
    ledger: &Ledger,
    product: &ObjectId,
    provider: Option<&ObjectId>,
    terms: &RuleTerms,
    scope: &Scope,
) -> Result<Facts, Rejection> {
    let provider = provider_of(&ledger.catalog, product, provider, scope)?;
    let action = terms.action.ok_or_else(|| Rejection::field("action", "This field is required."))?;
    let id = rule_id(ledger.rules.len() + 1).ok_or(Rejection::IdsUsedUp)?;
    let recorded = amended(RuleRecorded::plain(product.clone(), provider, action, terms.place.clone()), terms);
    check(ledger, &id, &recorded)?;
    let known = rules_of(&ledger.rules, product, &recorded.provider);
    if known.iter().filter(|(_, rule)| rule.deleted.is_none()).count() >= RULES_MAX {
        let message = format!("A product may have at most {RULES_MAX} usage rules. Delete one first.");
        return Err(Rejection::field("non_field_errors", message));
    }
    Ok(vec![(Subject::Object(id), Fact::RuleRecorded(Box::new(recorded)))])
}

fn change(ledger: &Ledger, id: &ObjectId, known: &UsageRule, terms: &RuleTerms) -> Result<Facts, Rejection> {
    if known.deleted.is_some() {
        return Err(Rejection::field("status", format!("Usage rule {id} is deleted. Create another one.")));
    }
    let before = RuleRecorded {
        product: known.product.clone(),
        provider: known.provider.clone(),
        action: known.action,
        scope: known.scope,
        expression: known.expression.clone(),
        item: known.item.clone(),
        place: RulePlace::Kept,
    };
    let recorded = amended(before.clone(), terms);
    check(ledger, id, &recorded)?;
    let fact = (recorded != before).then(|| (Subject::Object(id.clone()), Fact::RuleRecorded(Box::new(recorded))));
    Ok(fact.into_iter().collect())
}

/// A rule with what is given of its terms.
fn amended(rule: RuleRecorded, terms: &RuleTerms) -> RuleRecorded {
    let item = match &terms.item {
        RuleItem::Kept => rule.item,
        RuleItem::Any => None,
        RuleItem::One(item) => Some(item.clone()),
    };
    RuleRecorded {
        action: terms.action.unwrap_or(rule.action),
        scope: terms.scope.unwrap_or(rule.scope),
        expression: terms.expression.clone().unwrap_or(rule.expression),
        item,
        place: terms.place.clone(),
        ..rule
    }
}

/// A rule of the product that the caller may see.
fn own<'a>(ledger: &'a Ledger, product: &ObjectId, rule: &ObjectId, scope: &Scope) -> Result<&'a UsageRule, Rejection> {
    let known = ledger.rules.get(rule).filter(|known| known.product == *product);
    let own = |known: &&UsageRule| scope.role == Role::Operator || scope.account.as_ref() == Some(&known.provider);
    known.filter(own).ok_or(Rejection::NotFound)
}

fn check(ledger: &Ledger, id: &ObjectId, rule: &RuleRecorded) -> Result<(), Rejection> {
    rql::judge::admit(&ledger.catalog, &rule.product, rule.scope, &rule.expression, rule.item.as_ref())?;
    check_place(&ledger.rules, id, rule)
}

fn check_place(rules: &Rules, id: &ObjectId, rule: &RuleRecorded) -> Result<(), Rejection> {
    let RulePlace::After(other) = &rule.place else { return Ok(()) };
    let is_theirs = |other: &&UsageRule| (&other.product, &other.provider) == (&rule.product, &rule.provider);
    if other == id || rules.get(other).filter(is_theirs).is_none_or(|rule| rule.deleted.is_some()) {
        let message = format!("Usage rule {other} is none that this one could stand after. Name another active one.");
        return Err(Rejection::field("gravity.after", message));
    }
    Ok(())
}
