//! Sessions: opened once, ended by their own account or an operator.

use ledger::catalog::Role;
use ledger::session::{AGENT_CHARS_MAX, is_session_id};
use ledger::{Actor, Catalog, Context, Fact, ObjectId, Rejection, Scope, SessionOpened, Subject};
use runtime::decider::Facts;

/// Signs the holder of a key in.
pub(crate) fn open(
    catalog: &Catalog,
    id: &ObjectId,
    by_link: bool,
    agent: &str,
    context: &Context,
) -> Result<Facts, Rejection> {
    let Actor::Key { key, account } = &context.scope.actor else { return Err(Rejection::RoleNotAllowed) };
    // Gateways hear of a revocation a moment later than we.
    if catalog.keys.get(&key.id).is_none_or(|known| known.revoked) {
        return Err(Rejection::KeyUnknown);
    }
    if !is_session_id(id) {
        return Err(Rejection::field("id", format!("{id} is no id of a session.")));
    }
    if catalog.sessions.contains_key(id) {
        let message = "This link was used already: each opens one session. Ask for another.";
        return Err(Rejection::field(if by_link { "token" } else { "id" }, message));
    }
    let agent = agent.chars().filter(|char| !char.is_control()).take(AGENT_CHARS_MAX).collect();
    let opened = SessionOpened { key: key.id.clone(), account: account.clone(), by_link, agent };
    Ok(vec![(Subject::Object(id.clone()), Fact::SessionOpened(Box::new(opened)))])
}

/// Ends a session.
pub(crate) fn end(catalog: &Catalog, id: &ObjectId, scope: &Scope) -> Result<Facts, Rejection> {
    let own = |account: &ObjectId| scope.role == Role::Operator || scope.account.as_ref() == Some(account);
    let known = catalog.sessions.get(id).filter(|known| own(&known.opened.account)).ok_or(Rejection::NotFound)?;
    if known.ended.is_some() {
        return Ok(Facts::new());
    }
    Ok(vec![(Subject::Object(id.clone()), Fact::SessionEnded)])
}
