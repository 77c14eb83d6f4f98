//! Every command with every member filled, and more where a member can be absent.

use std::sync::Arc;

use ledger::catalog::{Environment, Role};
use ledger::command::{CreateFile, OpenReport};
use ledger::fact::{FileDescribed, Period, RecordMark};
use ledger::record::Billing;
use ledger::report::{Print, ReportedRecords};
use ledger::rule::{RuleAction, RuleItem, RulePlace, RuleScope, RuleTerms};
use ledger::webhook::{WebhookProduct, WebhookTerms};
use ledger::{Actor, ChunkId, Command, Fact, Scope, ServiceName, Surface};

use super::{batches, file_id, hash, moment, named, object_id, objects};
use crate::ask::{WireAsk, WireKey};

/// Every sample ask under the name of its golden file: the name of its command, and of what is special.
#[must_use]
pub fn asks() -> Vec<(String, WireAsk)> {
    let plain = commands().into_iter().map(|command| (command_name(&command).to_owned(), command));
    let special = special().into_iter().map(|(name, command)| (name.to_owned(), command));
    // New ones come at the end: a sample's number is in its bytes.
    let later = webhooks().into_iter().chain(sessions()).map(|(name, command)| (name.to_owned(), command));
    let numbered = plain.chain(special).chain(later).zip(0_u8..);
    let mut asks: Vec<(String, WireAsk)> =
        numbered.map(|((name, command), number)| (name, ask(command, number))).collect();
    asks.push(("open_report_by_producer".to_owned(), by_producer()));
    asks
}

/// What a program asks for that reports over NATS.
fn by_producer() -> WireAsk {
    let account = object_id("VA-123-456");
    let scope = Scope {
        actor: Actor::Producer { account: account.clone() },
        account: Some(account),
        role: Role::Vendor,
        surface: Surface::Api,
    };
    let period = Period { from: moment(0), to: moment(1) };
    let (product, contract) = (object_id("PRD-123-456-789"), object_id("CRD-12345-67890-00001"));
    let report = OpenReport { product, contract, period, currency: None, environment: None };
    WireAsk { command: Command::OpenReport(Box::new(report)), scope, key: None, after: 0 }
}

/// The name of a command in `command.proto`.
///
/// Exhaustive, so that a command can't be added without coming here; a test then asks for its sample.
#[must_use]
pub fn command_name(command: &Command) -> &'static str {
    match command {
        Command::ImportCatalog { .. } => "import_catalog",
        Command::ChangeProduct { .. } => "change_product",
        Command::CreateItem { .. } => "create_item",
        Command::ChangeItem { .. } => "change_item",
        Command::RevokeKey { .. } => "revoke_key",
        Command::CreateWebhook { .. } => "create_webhook",
        Command::ChangeWebhook { .. } => "change_webhook",
        Command::DeleteWebhook { .. } => "delete_webhook",
        Command::OpenSession { .. } => "open_session",
        Command::EndSession { .. } => "end_session",
        Command::CreateFile(_) => "create_file",
        Command::DescribeFile { .. } => "describe_file",
        Command::OpenUpload { .. } => "open_upload",
        Command::DeleteFile { .. } => "delete_file",
        Command::SubmitFile { .. } => "submit_file",
        Command::AcceptFile { .. } => "accept_file",
        Command::RejectFile { .. } => "reject_file",
        Command::ApproveRecords { .. } => "approve_records",
        Command::MarkRecords { .. } => "mark_records",
        Command::OpenReport(_) => "open_report",
        Command::ReportRecords(_) => "report_records",
        Command::SealReport { .. } => "seal_report",
        Command::ReprocessFile { .. } => "reprocess_file",
        Command::CreateRule { .. } => "create_rule",
        Command::ChangeRule { .. } => "change_rule",
        Command::DeleteRule { .. } => "delete_rule",
        Command::NameChunk { .. } => "name_chunk",
        Command::RegenerateChunk { .. } => "regenerate_chunk",
        Command::CloseChunk { .. } => "close_chunk",
        Command::CloseRecords { .. } => "close_records",
        Command::CloseFile { .. } => "close_file",
        Command::ReceiveReconciliation { .. } => "receive_reconciliation",
    }
}

fn ask(command: Command, number: u8) -> WireAsk {
    let key = Actor::Key { key: named("SU-123-456", "Nightly report"), account: object_id("VA-123-456") };
    let scope = match command.service() {
        ServiceName::Catalog => Scope::operator(),
        ServiceName::Extraction => {
            Scope { actor: key, account: Some(object_id("PA-654-321")), role: Role::Distributor, surface: Surface::Api }
        }
        _ => Scope { actor: key, account: Some(object_id("VA-123-456")), role: Role::Vendor, surface: Surface::Api },
    };
    WireAsk { command, scope, key: Some(WireKey { seed: hash(number), content: hash(!number) }), after: 0 }
}

fn commands() -> Vec<Command> {
    [catalog(), files(), reports(), rules(), chunks()].concat()
}

fn catalog() -> Vec<Command> {
    let objects = objects::all().into_iter().filter_map(|fact| match fact {
        Fact::ObjectRecorded(object) => Some(*object),
        _ => None,
    });
    let product = object_id("PRD-123-456-789");
    vec![
        Command::ImportCatalog { objects: objects.collect() },
        Command::ChangeProduct { product: product.clone(), change: "{\"name\":\"Größe\"}".to_owned() },
        Command::CreateItem { product: product.clone(), item: "{\"mpn\":\"GB-H\"}".to_owned() },
        Command::ChangeItem {
            product,
            item: object_id("PRD-123-456-789-0001"),
            change: "{\"precision\":\"decimal(8)\"}".to_owned(),
        },
        Command::RevokeKey { key: object_id("SU-123-456") },
    ]
}

fn period() -> Period {
    Period { from: moment(-2_592_000), to: moment(-1) }
}

fn create() -> CreateFile {
    CreateFile {
        product: object_id("PRD-123-456-789"),
        contract: object_id("CRD-12345-67890-00001"),
        name: "November".to_owned(),
        external_id: "batch-77".to_owned(),
        description: " kept  byte for byte ".to_owned(),
        note: "first try".to_owned(),
        period: Some(period()),
        time_zone: "Europe/Berlin".to_owned(),
        predictive: true,
        currency: Some("EUR".to_owned()),
        environment: Some(Environment::Preview),
    }
}

fn files() -> Vec<Command> {
    let file = file_id();
    let described = FileDescribed {
        description: Some(String::new()),
        note: Some("December".to_owned()),
        external_id: Some("batch-78".to_owned()),
        period: Some(period()),
        currency: Some("USD".to_owned()),
        time_zone: Some("UTC".to_owned()),
    };
    vec![
        Command::CreateFile(Box::new(create())),
        Command::DescribeFile { file, described: Box::new(described) },
        Command::OpenUpload {
            file,
            blob: hash(201),
            bytes: 1_234_567_890_123,
            filename: "Verbrauch November.xlsx".to_owned(),
        },
        Command::DeleteFile { file },
        Command::SubmitFile { file },
        Command::AcceptFile { file, note: "Thank you".to_owned() },
        Command::RejectFile { file, note: "Prices of October".to_owned() },
        Command::ApproveRecords { file },
        Command::MarkRecords { file, rows: (2..=9).chain([70_000]).collect(), mark: RecordMark::Rejected },
        Command::ReprocessFile { file },
    ]
}

fn open_report() -> OpenReport {
    OpenReport {
        product: object_id("PRD-123-456-789"),
        contract: object_id("CRD-12345-67890-00001"),
        period: period(),
        currency: Some("EUR".to_owned()),
        environment: Some(Environment::Test),
    }
}

/// The records of a call: the sample batch without rows.
fn reported() -> ReportedRecords {
    let mut batch = batches::read_batch();
    batch.rows = vec![0; batch.rows.len()];
    let print = |number: u8| Print { key: [number; 12], content: [!number; 16] };
    ReportedRecords {
        file: file_id(),
        columns: ["record_id", "quantity", "start_time_utc", "v.Region"].map(str::to_owned).to_vec(),
        batch: Arc::new(batch),
        prints: [1, 2, 255].map(print).to_vec(),
        admitted: vec![true, false, true],
        content: hash(202),
    }
}

fn reports() -> Vec<Command> {
    vec![
        Command::OpenReport(Box::new(open_report())),
        Command::ReportRecords(Arc::new(reported())),
        Command::SealReport { file: file_id() },
    ]
}

fn terms() -> RuleTerms {
    RuleTerms {
        action: Some(RuleAction::Reject),
        scope: Some(RuleScope::Record),
        expression: Some("gt(amount,1000)".to_owned()),
        item: RuleItem::One(object_id("PRD-123-456-789-0001")),
        place: RulePlace::After(object_id("UGR-000-000-001")),
    }
}

fn rules() -> Vec<Command> {
    let (product, rule) = (object_id("PRD-123-456-789"), object_id("UGR-000-000-002"));
    vec![
        Command::CreateRule {
            product: product.clone(),
            provider: Some(object_id("PA-654-321")),
            terms: Box::new(terms()),
        },
        Command::ChangeRule { product: product.clone(), rule: rule.clone(), terms: Box::new(terms()) },
        Command::DeleteRule { product, rule },
    ]
}

fn chunks() -> Vec<Command> {
    let (file, chunk) = (file_id(), ChunkId { file: file_id(), index: 2 });
    let billing = |id: &str, note: &str| Billing { id: id.to_owned(), note: note.to_owned() };
    let rows = [(9, "BILL-1"), (2, "BILL-2"), (3, "BILL-1"), (9, "BILL-2")];
    vec![
        Command::NameChunk { chunk, external_id: "EXT-1".to_owned() },
        Command::RegenerateChunk { chunk },
        Command::CloseChunk { chunk, billing: billing("BILL-1", "paid") },
        Command::CloseRecords { file, rows: rows.map(|(row, id)| (row, billing(id, "by hand"))).to_vec() },
        Command::CloseFile { file },
        Command::ReceiveReconciliation { file, blob: hash(207), bytes: 9_999, note: "by hand".to_owned() },
    ]
}

/// Commands that say less, or leave things as they are.
fn special() -> Vec<(&'static str, Command)> {
    let derived = CreateFile { period: None, currency: None, environment: None, predictive: false, ..create() };
    let undated = OpenReport { currency: None, environment: None, ..open_report() };
    let (product, rule) = (object_id("PRD-123-456-789"), object_id("UGR-000-000-002"));
    let any = RuleTerms { item: RuleItem::Any, place: RulePlace::First, ..terms() };
    vec![
        ("create_file_derived", Command::CreateFile(Box::new(derived))),
        ("describe_file_nothing", Command::DescribeFile { file: file_id(), described: Box::default() }),
        ("open_report_derived", Command::OpenReport(Box::new(undated))),
        ("create_rule_any", Command::CreateRule { product: product.clone(), provider: None, terms: Box::new(any) }),
        ("change_rule_nothing", Command::ChangeRule { product, rule, terms: Box::default() }),
    ]
}

fn webhooks() -> Vec<(&'static str, Command)> {
    let terms = |product| WebhookTerms {
        label: Some("Billing".to_owned()),
        description: Some("Wakes the connector".to_owned()),
        product,
        active: Some(false),
        url: Some("https://billing.example.com/usage?hub=1".to_owned()),
        headers: Some(vec![("X-Hub".to_owned(), "1".to_owned())]),
    };
    let one = WebhookProduct::One(object_id("PRD-123-456-789"));
    let bare = WebhookTerms { headers: Some(Vec::new()), ..terms(WebhookProduct::Any) };
    let webhook = object_id("WH-000-000-001");
    vec![
        ("create_webhook", Command::CreateWebhook { terms: Box::new(terms(one)) }),
        ("change_webhook", Command::ChangeWebhook { webhook: webhook.clone(), terms: Box::new(bare) }),
        ("change_webhook_nothing", Command::ChangeWebhook { webhook: webhook.clone(), terms: Box::default() }),
        ("delete_webhook", Command::DeleteWebhook { webhook }),
    ]
}

fn sessions() -> Vec<(&'static str, Command)> {
    let session = object_id("SE-00112233445566778899aabbccddeeff");
    let open = Command::OpenSession { session: session.clone(), by_link: true, agent: "Größe/1".to_owned() };
    vec![("open_session", open), ("end_session", Command::EndSession { session })]
}
