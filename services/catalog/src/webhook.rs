//! Webhooks: each account's own, which others never learn of.

use ledger::catalog::Role;
use ledger::webhook::{
    DESCRIPTION_CHARS_MAX, HEADER_CHARS_MAX, HEADERS_MAX, LABEL_CHARS_MAX, WEBHOOKS_MAX, WebhookProduct,
    WebhookRecorded, WebhookTerms, check_url, webhook_id,
};
use ledger::{Catalog, Context, Fact, ObjectId, Rejection, Scope, Subject, Webhook};
use runtime::decider::Facts;

/// Headers that say how a call is sent, which is not for its account to say, or who sends it.
const HEADERS_FIXED: [&str; 10] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// The one kind of content that is sent.
const CONTENT_TYPE: &str = "application/json";
/// What the names of our own headers begin with.
const OWN_PREFIX: &str = "x-usage-ledger-";

/// Makes a webhook for the account that asks.
pub(crate) fn create(
    catalog: &Catalog,
    terms: &WebhookTerms,
    context: &Context,
    to_private: bool,
) -> Result<Facts, Rejection> {
    let account = context.scope.account.clone().ok_or(Rejection::RoleNotAllowed)?;
    let required = |field: &str| Rejection::field(field, "This field is required.");
    let blank = WebhookRecorded {
        account,
        label: terms.label.clone().ok_or_else(|| required("label"))?,
        description: String::new(),
        product: None,
        active: true,
        url: terms.url.clone().ok_or_else(|| required("external_url"))?,
        headers: Vec::new(),
    };
    let recorded = amended(blank, terms);
    check(catalog, &recorded, to_private)?;
    let own = catalog.webhooks.values().filter(|known| known.recorded.account == recorded.account);
    if own.filter(|known| known.deleted.is_none()).count() >= WEBHOOKS_MAX {
        let message = format!("An account may have at most {WEBHOOKS_MAX} webhooks. Delete one first.");
        return Err(Rejection::field("non_field_errors", message));
    }
    let id = webhook_id(catalog.webhooks.len() + 1).ok_or(Rejection::IdsUsedUp)?;
    Ok(vec![(Subject::Object(id), Fact::WebhookRecorded(Box::new(recorded)))])
}

/// Changes what is given of a webhook.
pub(crate) fn change(
    catalog: &Catalog,
    id: &ObjectId,
    terms: &WebhookTerms,
    context: &Context,
    to_private: bool,
) -> Result<Facts, Rejection> {
    let known = own(catalog, id, &context.scope)?;
    let recorded = amended(known.recorded.clone(), terms);
    if recorded == known.recorded {
        return Ok(Facts::new());
    }
    check(catalog, &recorded, to_private)?;
    Ok(vec![(Subject::Object(id.clone()), Fact::WebhookRecorded(Box::new(recorded)))])
}

/// Deletes a webhook.
pub(crate) fn delete(catalog: &Catalog, id: &ObjectId, context: &Context) -> Result<Facts, Rejection> {
    own(catalog, id, &context.scope)?;
    Ok(vec![(Subject::Object(id.clone()), Fact::WebhookDeleted)])
}

/// A webhook that the caller may change: one of its own, for an operator any. What is deleted is gone.
fn own<'a>(catalog: &'a Catalog, id: &ObjectId, scope: &Scope) -> Result<&'a Webhook, Rejection> {
    let known = catalog.webhooks.get(id).filter(|known| known.deleted.is_none());
    let own =
        |known: &&Webhook| scope.role == Role::Operator || scope.account.as_ref() == Some(&known.recorded.account);
    known.filter(own).ok_or(Rejection::NotFound)
}

/// A webhook with what is given of its terms.
fn amended(webhook: WebhookRecorded, terms: &WebhookTerms) -> WebhookRecorded {
    let product = match &terms.product {
        WebhookProduct::Kept => webhook.product,
        WebhookProduct::Any => None,
        WebhookProduct::One(product) => Some(product.clone()),
    };
    WebhookRecorded {
        label: terms.label.clone().unwrap_or(webhook.label),
        description: terms.description.clone().unwrap_or(webhook.description),
        product,
        active: terms.active.unwrap_or(webhook.active),
        url: terms.url.clone().unwrap_or(webhook.url),
        headers: terms.headers.clone().unwrap_or(webhook.headers),
        ..webhook
    }
}

fn check(catalog: &Catalog, webhook: &WebhookRecorded, to_private: bool) -> Result<(), Rejection> {
    if webhook.label.trim().is_empty() {
        return Err(Rejection::field("label", "This field may not be blank."));
    }
    for (field, text, most) in
        [("label", &webhook.label, LABEL_CHARS_MAX), ("description", &webhook.description, DESCRIPTION_CHARS_MAX)]
    {
        if text.chars().count() > most {
            let message = format!("Ensure this field has no more than {most} characters.");
            return Err(Rejection::field(field, message));
        }
    }
    check_url(&webhook.url, to_private).map_err(|error| Rejection::field("external_url", error.to_string()))?;
    check_headers(&webhook.headers)?;
    let Some(product) = &webhook.product else { return Ok(()) };
    let account = &webhook.account;
    let owned = catalog.products.get(product).is_some_and(|product| product.owner == *account);
    let operator = catalog.accounts.get(account).is_some_and(|account| account.role == Role::Operator);
    if owned || catalog.providers_of(product).contains(account) || (operator && catalog.products.contains_key(product))
    {
        return Ok(());
    }
    Err(Rejection::field("product_id", format!("No files of product {product} would be told to this account.")))
}

fn check_headers(headers: &[(String, String)]) -> Result<(), Rejection> {
    let refused = |message: String| Err(Rejection::field("headers", message));
    if headers.len() > HEADERS_MAX {
        return refused(format!("A webhook may have at most {HEADERS_MAX} headers."));
    }
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > HEADER_CHARS_MAX || !name.bytes().all(token) {
            return refused(format!("\"{name}\" is no name of a header."));
        }
        if HEADERS_FIXED.contains(&lower.as_str()) || lower.starts_with(OWN_PREFIX) {
            return refused(format!("{name} is set by the ledger. Leave it out."));
        }
        if lower == "content-type" && !value.eq_ignore_ascii_case(CONTENT_TYPE) {
            return refused(format!("Content-Type is {CONTENT_TYPE}. Leave it out."));
        }
        if value.len() > HEADER_CHARS_MAX || !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return refused(format!("The value of {name} is not {HEADER_CHARS_MAX} printable characters at most."));
        }
    }
    Ok(())
}
