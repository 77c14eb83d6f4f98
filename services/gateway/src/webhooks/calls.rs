//! What is told to webhooks: the changes of files' statuses, read from the logs as the feed of events is, and for each
//! webhook that it concerns a call with the file as its account sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::catalog::Environment;
use ledger::{
    Actor, Catalog, Event, Fact, FileId, HostId, Ledger, Moment, ObjectId, Role, Scope, ServiceName, Status, Subject,
    UsageFile, Webhook,
};
use runtime::bus::FollowError;

use super::signature::{Claims, secret, token};
use super::{CONTENT_TYPE, sees};
use crate::Gateway;
use crate::feed::{Cursor, Merged, Side, kind};
use crate::json;
use crate::links::Workbooks;
use crate::sources::Sources;
use crate::visibility::{self, Kind};

/// Whose facts change the status of a file.
const EMITTERS: [ServiceName; 4] =
    [ServiceName::Approval, ServiceName::Ingestion, ServiceName::Validation, ServiceName::Extraction];
/// Changes of a page: what waits for each webhook in memory.
const CHANGES_MAX: usize = 256;

/// A change of a file's status, as the logs have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In whose log it stands.
    pub host: HostId,
    /// Where.
    pub sequence: u64,
    /// When it happened.
    pub at: Moment,
    /// The event, as the feed names it.
    event: String,
    file: FileId,
    status: Status,
    product: ObjectId,
    vendor: ObjectId,
    /// Who receives the file, if it hears of this change.
    provider: Option<ObjectId>,
}

/// Some changes, and how far they reach.
#[derive(Debug)]
pub struct Changes {
    /// The oldest first.
    pub changes: Vec<Change>,
    /// Everything before it was looked at.
    pub cursor: Cursor,
    /// Whether there may be more at once.
    pub more: bool,
}

/// A request that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

/// Makes calls.
#[derive(Debug)]
pub struct Calls {
    gateway: Arc<Gateway>,
    sources: Sources,
    /// What links of the body begin with where no public address is set.
    origin: String,
}

impl Calls {
    /// For a gateway that is reached at an address.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, origin: String) -> Self {
        let origin = gateway.public_url.as_ref().map_or(origin, |url| url.trim_end_matches('/').to_owned());
        Self { gateway, sources: Sources::default(), origin }
    }

    /// The webhooks that are to be called.
    #[must_use]
    pub fn webhooks(&self) -> BTreeMap<ObjectId, Webhook> {
        let ledger = self.gateway.projection.read();
        let called = ledger.catalog.webhooks.iter().filter(|(_, webhook)| webhook.is_called());
        called.map(|(id, webhook)| (id.clone(), webhook.clone())).collect()
    }

    /// How far the logs can be read by now.
    #[must_use]
    pub fn end(&self) -> Cursor {
        let folded = self.gateway.projection.changes();
        let folded = folded.borrow();
        Cursor(folded.iter().filter(|(host, _)| EMITTERS.contains(&host.service)).map(|(a, b)| (*a, *b)).collect())
    }

    /// The changes behind a cursor.
    ///
    /// # Errors
    /// When a log can't be read.
    pub fn changes(&self, cursor: Cursor) -> Result<Changes, FollowError> {
        let mut logs = Merged::open(&self.gateway.bus, &EMITTERS, cursor, &self.end().0)?;
        let mut changes = Vec::new();
        while let Some((host, sequence, event)) = logs.peek() {
            let found = self.change((host, sequence), event);
            if changes.len() == CHANGES_MAX || logs.is_enough() {
                return Ok(Changes { changes, cursor: logs.into_cursor(), more: true });
            }
            match found {
                Found::NotYet => {
                    logs.leave();
                    continue;
                }
                Found::Nothing => {}
                Found::Change(change) => changes.push(*change),
            }
            logs.pass()?;
        }
        Ok(Changes { changes, cursor: logs.into_cursor(), more: false })
    }

    fn change(&self, (host, sequence): (HostId, u64), event: &Event) -> Found {
        let Subject::File(file) = event.subject else { return Found::Nothing };
        let Some(status) = changed(&event.fact) else { return Found::Nothing };
        let ledger = self.gateway.projection.read();
        let known = ledger.file(file).and_then(|file| Some((file, file.approval.created.as_ref()?)));
        // Its creation comes with another log.
        let Some((known, created)) = known else { return Found::NotYet };
        // While records are collected the file is a draft, whatever is read of it.
        if known.approval.reported && matches!(event.fact, Fact::ReadStarted { .. }) {
            return Found::Nothing;
        }
        let told = kind(&event.fact).is_some_and(|kind| kind.side == Side::Both);
        let provider = (told && created.environment == Environment::Production).then(|| created.provider.id.clone());
        Found::Change(Box::new(Change {
            host,
            sequence,
            at: event.recorded_at,
            event: format!("{:?}", event.id),
            file,
            status,
            product: created.product.id.clone(),
            vendor: created.vendor.id.clone(),
            provider,
        }))
    }

    /// The call that tells a webhook of a change; none where there is nothing to tell, since the webhook isn't called
    /// any more or the file isn't its account's to see.
    #[must_use]
    pub fn call(&self, id: &ObjectId, change: &Change) -> Option<Call> {
        let (gateway, now) = (&self.gateway, self.gateway.clock.now());
        let ledger = gateway.projection.read();
        let webhook = ledger.catalog.webhooks.get(id).filter(|webhook| webhook.is_called())?;
        let scope = scope(&ledger.catalog, webhook)?;
        let body = self.body(&ledger, change.file, &scope, now)?;
        let account = &webhook.recorded.account;
        let claims = Claims { webhook: id, account, event: &change.event, body: &body };
        let token = token(&secret(&gateway.link_secret, id, webhook), &claims, now);
        let own = [
            ("Content-Type", CONTENT_TYPE.to_owned()),
            ("Authorization", format!("Bearer {token}")),
            ("X-Usage-Ledger-Webhook", id.to_string()),
            ("X-Usage-Ledger-Event", change.event.clone()),
            ("X-Usage-Ledger-Status", change.status.name().to_owned()),
        ];
        let given = webhook.recorded.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let headers = given.cloned().chain(own.map(|(name, value)| (name.to_owned(), value))).collect();
        Some(Call { url: webhook.recorded.url.clone(), headers, body })
    }

    /// A file as it is shown to an account that asks for it.
    fn body(&self, ledger: &Ledger, id: FileId, scope: &Scope, now: Moment) -> Option<String> {
        let file = ledger.file(id).filter(|file: &&UsageFile| scope.sees(file))?;
        let workbooks = Workbooks { origin: &self.origin, secret: &self.gateway.link_secret, now };
        let mut shown = json::file::detail(ledger, id, file, scope, &self.sources, Some(&workbooks))?;
        visibility::trim(Kind::File, &mut shown, scope.role);
        Some(shown.to_string())
    }

    /// Whether a webhook is to be told of a change.
    #[must_use]
    pub fn concerns(&self, webhook: &Webhook, change: &Change) -> bool {
        let (account, product) = (&webhook.recorded.account, &webhook.recorded.product);
        let role = scope(&self.gateway.projection.read().catalog, webhook).map(|scope| scope.role);
        let told = match role {
            Some(Role::Operator) => true,
            Some(Role::Vendor) => *account == change.vendor,
            Some(Role::Distributor | Role::Reseller) => change.provider.as_ref() == Some(account),
            None => false,
        };
        told && product.as_ref().is_none_or(|product| *product == change.product)
    }

    /// Notes that a call was taken.
    pub fn succeeded(&self, id: &ObjectId) {
        let now = self.gateway.clock.now();
        self.gateway.deliveries.note(id, |delivery| delivery.success_at = Some(now));
    }

    /// Notes that a call failed, and whether it is given up.
    pub fn failed(&self, id: &ObjectId, reason: &str, given_up: bool) {
        let now = self.gateway.clock.now();
        self.gateway.deliveries.note(id, |delivery| {
            delivery.failure = Some((now, reason.to_owned()));
            delivery.given_up += u64::from(given_up);
        });
    }

    /// Forgets how the calls of a webhook went.
    pub fn forget(&self, id: &ObjectId) {
        self.gateway.deliveries.forget(id);
    }
}

enum Found {
    NotYet,
    Nothing,
    Change(Box<Change>),
}

/// The scope of a webhook's account.
fn scope(catalog: &Catalog, webhook: &Webhook) -> Option<Scope> {
    let account = catalog.accounts.get(&webhook.recorded.account)?;
    let (actor, id) = (Actor::Service(ServiceName::Gateway), account.named.id.clone());
    let scope = Scope { actor, account: Some(id), role: account.role, surface: ledger::Surface::Api };
    sees(webhook, &scope).then_some(scope)
}

/// The status that a file comes to by a fact, where it is another one.
fn changed(fact: &Fact) -> Option<Status> {
    Some(match fact {
        Fact::FileCreated(_) => Status::Draft,
        Fact::UploadOpened(_) => Status::Uploaded,
        Fact::ReadStarted { attempt: 1, .. } | Fact::ReportSealed { .. } => Status::Processing,
        Fact::FileUnreadable { .. } | Fact::CheckFailed { .. } => Status::Invalid,
        // A provider's workbook is only written of a file whose records are all valid.
        Fact::ProcessedWritten { provider: Some(_), .. } => Status::Ready,
        Fact::ProcessedWritten { provider: None, .. } => Status::Invalid,
        Fact::FileSubmitted { .. } => Status::Pending,
        Fact::FileAccepted { .. } => Status::Accepted,
        Fact::FileRejected { .. } => Status::Rejected,
        Fact::FileSuperseded { .. } | Fact::FileClosed { .. } => Status::Closed,
        Fact::FileDeleted => Status::Deleted,
        _ => return None,
    })
}
