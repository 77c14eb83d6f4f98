//! Sessions at the portal, and what a key may do.

use ledger::{Command, KeyScope, Scopes, SessionOpened};

use super::value::{object_id, unknown};
use crate::error::WireError;
use crate::wire;

impl From<&SessionOpened> for wire::SessionOpened {
    fn from(it: &SessionOpened) -> Self {
        Self {
            key_id: it.key.to_string(),
            account_id: it.account.to_string(),
            by_link: it.by_link,
            agent: it.agent.clone(),
        }
    }
}

impl TryFrom<wire::SessionOpened> for SessionOpened {
    type Error = WireError;

    fn try_from(it: wire::SessionOpened) -> Result<Self, WireError> {
        Ok(Self {
            key: object_id(&it.key_id, "key_id")?,
            account: object_id(&it.account_id, "account_id")?,
            by_link: it.by_link,
            agent: it.agent,
        })
    }
}

pub(super) fn open(it: wire::OpenSession) -> Result<Command, WireError> {
    let session = object_id(&it.session_id, "session_id")?;
    Ok(Command::OpenSession { session, by_link: it.by_link, agent: it.agent })
}

pub(super) fn scope_number(scope: KeyScope) -> i32 {
    let scope = match scope {
        KeyScope::Report => wire::KeyScope::Report,
        KeyScope::Review => wire::KeyScope::Review,
        KeyScope::Bill => wire::KeyScope::Bill,
        KeyScope::Configure => wire::KeyScope::Configure,
    };
    scope.into()
}

pub(super) fn scope(number: i32) -> Result<KeyScope, WireError> {
    match wire::KeyScope::try_from(number) {
        Ok(wire::KeyScope::Report) => Ok(KeyScope::Report),
        Ok(wire::KeyScope::Review) => Ok(KeyScope::Review),
        Ok(wire::KeyScope::Bill) => Ok(KeyScope::Bill),
        Ok(wire::KeyScope::Configure) => Ok(KeyScope::Configure),
        Ok(wire::KeyScope::Unspecified) | Err(_) => Err(unknown("scope", number)),
    }
}

pub(super) fn scopes_to_wire(scopes: &Scopes) -> Option<wire::KeyScopes> {
    let listed = scopes.0.as_ref()?;
    Some(wire::KeyScopes { scopes: listed.iter().copied().map(scope_number).collect() })
}

pub(super) fn scopes(scopes: Option<wire::KeyScopes>) -> Result<Scopes, WireError> {
    let listed = scopes.map(|it| it.scopes.into_iter().map(scope).collect::<Result<_, _>>()).transpose()?;
    Ok(Scopes(listed))
}
