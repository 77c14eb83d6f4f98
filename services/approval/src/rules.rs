//! Usage rules: a provider's own, for products that are listed under one of its contracts.

use std::collections::BTreeSet;

use ledger::catalog::Role;
use ledger::rule::{
    RuleAction, RulePlace, RuleRecorded, RuleScope, RuleTerms, Rules, Ruling, UsageRule, rule_id, rules_of,
};
use ledger::{Catalog, Command, Context, Fact, FileId, Ledger, ObjectId, Rejection, Scope, Subject, UsageFile};
use runtime::decider::Facts;

use crate::estimates;

/// Rules that a provider has for one product: each file is compared with them, and a person can't oversee more.
const RULES_MAX: usize = 100;

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
            change(&ledger.rules, rule, known, terms)
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
    check(terms)?;
    let action = terms.action.ok_or_else(|| Rejection::field("action", "This field is required."))?;
    let id = rule_id(ledger.rules.len() + 1).ok_or(Rejection::IdsUsedUp)?;
    check_place(&ledger.rules, &id, (product, &provider), &terms.place)?;
    let active = rules_of(&ledger.rules, product, &provider).iter().filter(|(_, rule)| rule.deleted.is_none()).count();
    if active >= RULES_MAX {
        let message = format!("A product may have at most {RULES_MAX} usage rules. Delete one first.");
        return Err(Rejection::field("non_field_errors", message));
    }
    let recorded = RuleRecorded {
        product: product.clone(),
        provider,
        action,
        scope: terms.scope,
        expression: String::new(),
        item: None,
        place: terms.place.clone(),
    };
    Ok(vec![(Subject::Object(id), Fact::RuleRecorded(Box::new(recorded)))])
}

fn change(rules: &Rules, id: &ObjectId, known: &UsageRule, terms: &RuleTerms) -> Result<Facts, Rejection> {
    check(terms)?;
    if known.deleted.is_some() {
        return Err(Rejection::field("status", format!("Usage rule {id} is deleted. Create another one.")));
    }
    check_place(rules, id, (&known.product, &known.provider), &terms.place)?;
    let action = terms.action.unwrap_or(known.action);
    if action == known.action && terms.place == RulePlace::Kept {
        return Ok(Facts::new());
    }
    let (product, provider, place) = (known.product.clone(), known.provider.clone(), terms.place.clone());
    let (scope, expression, item) = (known.scope, known.expression.clone(), known.item.clone());
    let recorded = RuleRecorded { product, provider, action, scope, expression, item, place };
    Ok(vec![(Subject::Object(id.clone()), Fact::RuleRecorded(Box::new(recorded)))])
}

/// What rules came to about a file, and what becomes of it.
pub(crate) fn applied(ledger: &Ledger, (id, file): (FileId, &UsageFile), ruling: Ruling) -> Facts {
    let (upload, note, action) = (file.upload(), ruling.name(), ruling.action);
    let mut facts = vec![(Subject::File(id), Fact::RulesApplied { upload, ruling })];
    match action {
        RuleAction::Accept => facts.extend(estimates::accepted(ledger, id, file, note)),
        RuleAction::Reject => facts.push((Subject::File(id), Fact::FileRejected { upload, note })),
        RuleAction::Manual => {}
    }
    facts
}

/// A rule of the product that the caller may see.
fn own<'a>(ledger: &'a Ledger, product: &ObjectId, rule: &ObjectId, scope: &Scope) -> Result<&'a UsageRule, Rejection> {
    let known = ledger.rules.get(rule).filter(|known| known.product == *product);
    let own = |known: &&UsageRule| scope.role == Role::Operator || scope.account.as_ref() == Some(&known.provider);
    known.filter(own).ok_or(Rejection::NotFound)
}

/// Whose rule a new one is: the caller's, or for an operator that of the provider named, or of the only one.
fn provider_of(
    catalog: &Catalog,
    product: &ObjectId,
    named: Option<&ObjectId>,
    scope: &Scope,
) -> Result<ObjectId, Rejection> {
    let listings = catalog.listings.values().filter(|listing| listing.product == *product);
    let contracts = listings.filter_map(|listing| catalog.contracts.get(&listing.contract));
    let providers: BTreeSet<&ObjectId> = contracts.filter_map(|contract| contract.provider.as_ref()).collect();
    if scope.role != Role::Operator {
        let account = scope.account.as_ref().filter(|account| providers.contains(account));
        return account.cloned().ok_or(Rejection::NotFound);
    }
    if !catalog.products.contains_key(product) {
        return Err(Rejection::NotFound);
    }
    let wanted = named.or_else(|| providers.first().copied().filter(|_| providers.len() == 1));
    let wanted = wanted.filter(|wanted| providers.contains(wanted)).cloned();
    wanted.ok_or_else(|| {
        let message = format!("Name a provider under whose contract product {product} is listed.");
        Rejection::field("account_id", message)
    })
}

/// What this version doesn't serve is refused rather than left out: a rule without its condition would decide more.
fn check(terms: &RuleTerms) -> Result<(), Rejection> {
    if terms.scope == RuleScope::Record {
        let message = "Rules of single records aren't served yet; they arrive with the full API. Use \"file\".";
        return Err(Rejection::field("scope", message));
    }
    if terms.item.is_some() {
        let message = "Rules of single items aren't served yet; they arrive with the full API. Leave it out.";
        return Err(Rejection::field("item", message));
    }
    if terms.expression.as_ref().is_some_and(|text| !text.is_empty()) {
        let message = "Expressions aren't served yet; they arrive with the full API. Leave it empty: the rule then \
                       decides about every file.";
        return Err(Rejection::field("rule", message));
    }
    Ok(())
}

fn check_place(
    rules: &Rules,
    id: &ObjectId,
    (product, provider): (&ObjectId, &ObjectId),
    place: &RulePlace,
) -> Result<(), Rejection> {
    let RulePlace::After(other) = place else { return Ok(()) };
    let known = rules.get(other).filter(|rule| (&rule.product, &rule.provider) == (product, provider));
    if other == id || known.is_none_or(|rule| rule.deleted.is_some()) {
        let message = format!("Usage rule {other} is none that this one could stand after. Name another active one.");
        return Err(Rejection::field("gravity.after", message));
    }
    Ok(())
}
