//! The currency of a file: the one given, or its marketplace's. Money is never reported without one (design §12).

use ledger::Rejection;
use ledger::catalog::{Marketplace, Schema};
use ledger::currency::is_known;

/// Characters of an unknown code that are shown back.
const SHOWN_CHARS_MAX: usize = 16;

/// The currency that a file of this schema is in; none where nothing has a price.
pub(crate) fn of(schema: Schema, given: Option<&str>, marketplace: &Marketplace) -> Result<Option<String>, Rejection> {
    if schema == Schema::Qt && given.is_none_or(is_known) {
        // QT has no currency (connect-api U17), whichever was sent.
        return Ok(None);
    }
    let id = &marketplace.named.id;
    let message = match (given, marketplace.currency.as_deref()) {
        (Some(given), _) if !is_known(given) => {
            let shown: String = given.chars().take(SHOWN_CHARS_MAX).collect();
            format!("\"{shown}\" is no currency. Give the three capital letters of ISO 4217, such as USD.")
        }
        (Some(given), Some(own)) if given != own => {
            format!("Marketplace {id} sells in {own}, and the file is to be in {given}. Leave it out, or give {own}.")
        }
        (Some(code), _) => return Ok(Some(code.to_owned())),
        (None, Some(own)) if is_known(own) => return Ok(Some(own.to_owned())),
        (None, Some(own)) => {
            format!("Marketplace {id} sells in \"{own}\", which is no currency of ISO 4217. Correct it in the catalog.")
        }
        (None, None) => {
            let schema = schema.upper();
            format!("The schema {schema} reports money, and marketplace {id} names no currency. Give one, such as USD.")
        }
    };
    Err(Rejection::field("currency", message))
}
