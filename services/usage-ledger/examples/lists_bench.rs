//! What a page of a list costs when the ledger is large. `lists_bench [FILES [RECORDS [DIR [PORT]]]]`: writes the facts that
//! services would have recorded of so many files into real logs, one file with a tenth of all records and the rest
//! shared out, lets the gateway fold them, and asks for pages through its router; then for those of the portal, which
//! stand in front of it. With a port it goes on serving them there, for a browser; `SU-1:secret` signs in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_RANGE, SET_COOKIE};
use gateway::{DryRun, DryRunError, Gateway, InNameOf, Incoming, NoDisk, Outcome as Tried, Probes};
use ledger::catalog::{Account, CatalogObject, Environment, ItemKind, Key, Schema};
use ledger::command::CreateFile;
use ledger::fact::{
    FileChecked, FileColumn, FileCreated, FileRead, Part, Period, RecordsChecked, RecordsRead, SummaryLine,
    UploadOpened,
};
use ledger::record::{
    CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, ReadColumn, RecordError, SubscriptionFacts, Texts,
};
use ledger::{
    Actor, Catalog, Decimal, Event, EventId, Fact, FileId, Hash, HostId, Moment, Named, ObjectId, Partition, Role,
    Scope, ServiceName, Subject,
};
use runtime::blobs::Blobs;
use runtime::bus::{Bus, Neighbour};
use runtime::clock::Clock;
use runtime::log::{LogError, LogSettings, LogWriter, Logs, NewEntry};
use runtime::projection::Projection;
use runtime::records::Records;
use runtime::shelf::CatalogShelf;
use runtime::store::BlobStore;
use tokio::sync::watch;
use tower::ServiceExt;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const PEPPER: &[u8] = b"pepper";
const KEY: &str = "ApiKey SU-1:secret";
const PRODUCTS: usize = 20;
/// Records in a full batch.
const BATCH: u32 = 1_024;
/// How often each page is asked for.
const ROUNDS: usize = 51;
/// 2026-10-01.
const OCTOBER: i64 = 1_790_812_800 * Moment::SECOND;

fn main() -> Outcome<()> {
    let number =
        |at: usize, otherwise: u32| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (files, records) = (number(1, 100_000), number(2, 5_000_000));
    let dir = std::env::args().nth(3).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = dir.join(format!("lists-bench-{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    let done = measure(&dir, files, records);
    std::fs::remove_dir_all(&dir)?;
    done
}

fn measure(dir: &Path, files: u32, records: u32) -> Outcome<()> {
    let hosts: Vec<HostId> = ServiceName::WRITERS.iter().map(|&service| HostId::new(service, 0)).collect();
    let logs = Logs::open(&dir.join("log"), &hosts, LogSettings::default())?;
    let started = Instant::now();
    write(&logs, files, records)?;
    println!("{files} files, {records} records written in {:.1?}", started.elapsed());
    tokio::runtime::Runtime::new()?.block_on(ask(dir, &logs, &hosts, files))?;
    logs.close();
    Ok(())
}

async fn ask(dir: &Path, logs: &Logs, hosts: &[HostId], files: u32) -> Outcome<()> {
    let (_stop, stopped) = watch::channel(false);
    let gateway = gateway(dir, logs, hosts, &stopped)?;
    let started = Instant::now();
    tokio::spawn(gateway.projection.clone().run(stopped));
    gateway.projection.catch_up().await;
    println!("folded in {:.1?}", started.elapsed());
    let router = gateway::router(gateway);
    let (large, small) = (uf(0)?, uf(files / 2)?);
    for query in [
        "usage/files?status=pending&product.id=PRD-7&limit=100".to_owned(),
        "usage/files?status=pending&product.id=PRD-7&limit=100&offset=1000".to_owned(),
        "usage/files?in(status,(pending,accepted))&in(product_id,(PRD-7,PRD-8))&ordering(-created.at)&limit=100".into(),
        "usage/files?like(name,*77*)&ordering(contract.name)&limit=100".to_owned(),
        "usage/files?search=file 12&limit=100".to_owned(),
        "usage/files?limit=100".to_owned(),
        format!("usage/records?usagefile.id={small}&item.id=PRD-0-0001&limit=100"),
        format!("usage/records?usagefile.id={large}&item.id=PRD-0-0001&limit=100"),
        format!("usage/records?usagefile.id={large}&asset.id=AS-3&ge(start_date,2026-10-02)&limit=100&offset=5000"),
        format!("usage/records?usagefile.id={large}&limit=100"),
        "usage/records?limit=0".to_owned(),
    ] {
        let path = format!("/public/v1/{}", query.replace(' ', "%20"));
        timed(&router, &path, ("authorization", KEY)).await?;
    }
    pages(router, &large.to_string(), &small.to_string()).await
}

/// Asks for pages of the portal as somebody who is signed in.
async fn pages(api: axum::Router, large: &str, small: &str) -> Outcome<()> {
    let portal = portal::router(portal::Portal {
        api,
        admit: |extensions, key, session| drop(extensions.insert(InNameOf { key, session })),
        secret: b"link".to_vec(),
        version: "bench".to_owned(),
        now: Arc::new(|| Moment(OCTOBER + 40 * Moment::DAY)),
    });
    let form = Request::post("/sign-in").header("sec-fetch-site", "same-origin").header("host", "ledger");
    let form =
        form.header("content-type", "application/x-www-form-urlencoded").body(Body::from("key=SU-1%3Asecret"))?;
    let answer = portal.clone().oneshot(form).await?;
    let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok()).ok_or("no session")?;
    let session = cookie.split(';').next().unwrap_or_default().to_owned();
    for path in [
        "/".to_owned(),
        "/files".to_owned(),
        "/files?status=pending&order=product.name&page=40".to_owned(),
        format!("/files/{small}"),
        format!("/files/{large}"),
        format!("/files/{small}/records"),
        format!("/files/{large}/records?page=4000"),
        "/charts".to_owned(),
        "/charts?usage=year".to_owned(),
        "/usage".to_owned(),
        "/usage?usage=2026-10".to_owned(),
        "/products".to_owned(),
        "/help".to_owned(),
    ] {
        timed(&portal, &path, ("cookie", &session)).await?;
    }
    if let Some(port) = std::env::args().nth(4).and_then(|text| text.parse::<u16>().ok()) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        println!("serving at http://{}", listener.local_addr()?);
        axum::serve(listener, portal).await?;
    }
    Ok(())
}

/// Asks for a path again and again, and prints how long that takes.
async fn timed(router: &axum::Router, path: &str, header: (&str, &str)) -> Outcome<()> {
    let mut times = Vec::with_capacity(ROUNDS);
    let mut range = String::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        range = page(router, path, header).await?;
        times.push(started.elapsed());
    }
    let first = times.first().copied().unwrap_or_default();
    times.sort_unstable();
    let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("{median:>8.2?} median {first:>8.2?} first  {range:28} {path}");
    Ok(())
}

/// Asks for a page and reads it to its end; gives its `Content-Range`, or how long it is.
async fn page(router: &axum::Router, path: &str, (name, value): (&str, &str)) -> Outcome<String> {
    let request = Request::get(path).header("host", "ledger").header(name, value).body(Body::empty())?;
    let response = router.clone().oneshot(request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    if !status.is_success() {
        return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
    }
    let range = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    Ok(range.unwrap_or_else(|| format!("{} bytes", body.len())))
}

fn gateway(dir: &Path, logs: &Logs, hosts: &[HostId], stopped: &watch::Receiver<bool>) -> Outcome<Arc<Gateway>> {
    let shelf = CatalogShelf::default();
    shelf.lay(Arc::new(catalog()?));
    let readers =
        hosts.iter().map(|&host| Ok((host, logs.reader(host)?))).collect::<Result<BTreeMap<_, _>, LogError>>()?;
    let neighbours = readers.iter().map(|(&host, reader)| (host, Neighbour::open(reader.clone()).0)).collect();
    let bus = Bus::new(neighbours, shelf);
    let blobs = |name: &str| Ok::<_, Box<dyn std::error::Error>>(Arc::new(Blobs::open(&dir.join(name))?));
    Ok(Arc::new(Gateway {
        projection: Projection::new(bus.clone()),
        records: Records::new(bus.sources(&ServiceName::WRITERS)),
        bus,
        uploads: BlobStore::near(ServiceName::Ingestion, blobs("uploads")?),
        reconciliations: BlobStore::near(ServiceName::Extraction, blobs("reconciliations")?),
        processed: BlobStore::near(ServiceName::Validation, blobs("processed")?),
        clock: Clock::Fixed(Arc::new(AtomicI64::new(OCTOBER))),
        pepper: PEPPER.to_vec(),
        link_secret: b"link".to_vec(),
        public_url: None,
        dry_run: Arc::new(Untried),
        verifies: Arc::new(NoDisk),
        deliveries: gateway::Deliveries::default(),
        requests_per_second: 0,
        probes: Probes::alone("bench".to_owned(), watch::channel(true).1),
        stopping: stopped.clone(),
    }))
}

/// Nobody tries a workbook here.
#[derive(Debug)]
struct Untried;

impl DryRun for Untried {
    fn admit(&self, _: &CreateFile, _: &Scope) -> Result<FileCreated, ledger::Rejection> {
        Err(ledger::Rejection::NotFound)
    }

    fn run(
        &self,
        _: &FileCreated,
        _: &Path,
        _: &mut dyn FnMut(gateway::fault::Fault) -> bool,
    ) -> Result<Tried, DryRunError> {
        Ok(Tried::default())
    }

    fn examine(&self, _: Incoming<'_>) -> Result<Vec<CheckedRecord>, DryRunError> {
        Err(DryRunError("nothing is reported here".into()))
    }

    fn taken(&self, _: FileId, column: Option<u16>) -> RecordError {
        RecordError { code: ledger::Code::RecordIdTaken, column, message: String::new(), fix: String::new() }
    }
}

fn catalog() -> Outcome<Catalog> {
    let mut catalog = Catalog::default();
    catalog.position = 1;
    let account = Account {
        named: named("VA-1")?,
        role: Role::Vendor,
        source: r#"{"id":"VA-1","name":"VA-1","role":"vendor"}"#.to_owned(),
    };
    catalog.record(CatalogObject::Account(account));
    let hash = Hash::of_parts(&[b"usage-ledger key", PEPPER, b"SU-1", b"secret"]);
    let key = Key {
        named: named("SU-1")?,
        account: id("VA-1")?,
        secret_hash: hash,
        revoked: false,
        scopes: ledger::Scopes::default(),
    };
    catalog.record(CatalogObject::Key(key));
    Ok(catalog)
}

fn id(text: &str) -> Outcome<ObjectId> {
    ObjectId::new(text).ok_or_else(|| format!("{text} is no id").into())
}

fn named(text: &str) -> Outcome<Named> {
    Ok(Named { id: id(text)?, name: format!("{text} name") })
}

fn uf(count: u32) -> Outcome<FileId> {
    FileId::new(2026, 11, Partition(0), count).ok_or_else(|| "too many files for a month".into())
}

/// Appends facts in groups, and waits for each group.
struct Pen {
    writer: LogWriter,
    events: Vec<NewEntry>,
    bytes: usize,
    /// The sequence of the last fact.
    sequence: u64,
}

impl Pen {
    fn new(logs: &Logs, service: ServiceName) -> Outcome<Self> {
        Ok(Self { writer: logs.writer(HostId::new(service, 0))?, events: Vec::new(), bytes: 0, sequence: 0 })
    }

    fn say(&mut self, subject: Subject, seconds: u32, fact: Fact) -> Outcome<u64> {
        let event = Event {
            id: EventId::default(),
            subject,
            cause: Hash::ZERO,
            actor: Actor::Operator,
            surface: ledger::Surface::Api,
            recorded_at: Moment(OCTOBER + i64::from(seconds) * Moment::SECOND),
            fact,
        };
        let payload = proto::encode_event(&event);
        self.bytes += payload.len();
        self.events.push(NewEntry::Own { id: None, payload });
        self.sequence += 1;
        if self.bytes > 1 << 20 || self.events.len() >= 1_000 {
            self.flush()?;
        }
        Ok(self.sequence)
    }

    fn flush(&mut self) -> Outcome<()> {
        self.bytes = 0;
        Ok(self.writer.append(std::mem::take(&mut self.events))?.ticket.wait()?)
    }
}

fn write(logs: &Logs, files: u32, records: u32) -> Outcome<()> {
    let mut catalog = Pen::new(logs, ServiceName::Catalog)?;
    catalog.say(Subject::Object(id("CRD-1")?), 0, Fact::ContractPlaced { partition: Partition(0) })?;
    catalog.flush()?;
    let mut approval = Pen::new(logs, ServiceName::Approval)?;
    for file in 0..files {
        approve(&mut approval, file)?;
    }
    approval.flush()?;
    let (mut ingestion, mut validation) =
        (Pen::new(logs, ServiceName::Ingestion)?, Pen::new(logs, ServiceName::Validation)?);
    let large = records / 10;
    let small = (records - large) / files.saturating_sub(1).max(1);
    let batch = Written::new(2, small)?;
    for file in 0..files {
        let batches = if file == 0 {
            (0..large.div_ceil(BATCH))
                .map(|part| Written::new(2 + part * BATCH, BATCH.min(large - part * BATCH)))
                .collect()
        } else {
            Ok(vec![batch.clone()])
        };
        examine(&mut ingestion, &mut validation, uf(file)?, file, &batches?)?;
    }
    ingestion.flush()?;
    validation.flush()
}

/// A quarter of the files is ready, half of them wait for the provider, the others were accepted.
fn approve(pen: &mut Pen, file: u32) -> Outcome<()> {
    let product = named(&format!("PRD-{}", file as usize % PRODUCTS))?;
    let created = FileCreated {
        name: format!("file {file}"),
        external_id: format!("x-{file}"),
        description: String::new(),
        note: String::new(),
        period: None,
        time_zone: String::new(),
        predictive: false,
        reported: false,
        currency: Some("USD".to_owned()),
        environment: Environment::Production,
        schema: Schema::Pr,
        product,
        contract: named(&format!("CRD-{}", file % 500))?,
        marketplace: named("MP-1")?,
        vendor: named("VA-1")?,
        provider: named("PA-1")?,
    };
    let subject = Subject::File(uf(file)?);
    pen.say(subject.clone(), file, Fact::FileCreated(Box::new(created)))?;
    let (blob, filename) = (Hash::ZERO, "usage.xlsx".to_owned());
    let opened = UploadOpened { upload: 1, blob, bytes: 1, filename, catalog_position: 1 };
    pen.say(subject.clone(), file, Fact::UploadOpened(opened))?;
    let quarter = (file / 20) % 4;
    if quarter > 0 {
        pen.say(subject.clone(), file, Fact::FileSubmitted { upload: 1 })?;
    }
    if quarter > 2 {
        pen.say(subject, file, Fact::FileAccepted { upload: 1, note: String::new() })?;
    }
    Ok(())
}

/// The sums of some batches by subscription and item.
fn summary(batches: &[Written]) -> Outcome<Vec<SummaryLine>> {
    let rows = batches.iter().flat_map(|batch| batch.first_row..batch.first_row + batch.records);
    let mut counts: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    rows.for_each(|row| *counts.entry((row % 50, row % 3)).or_default() += 1);
    let line = |((subscription, item), records): ((u32, u32), u32)| {
        let quantity = Decimal::from_units(i128::from(records) * 150_000_000);
        let (subscription, item) = (id(&format!("AS-{subscription}"))?, id(&format!("PRD-0-000{item}"))?);
        Ok(SummaryLine { subscription, item, tier: None, records, quantity, amount: Decimal::ZERO })
    };
    let mut lines: Vec<SummaryLine> = counts.into_iter().map(line).collect::<Outcome<_>>()?;
    lines.sort_by(|left, right| (&left.subscription, &left.item).cmp(&(&right.subscription, &right.item)));
    Ok(lines)
}

/// A batch, encoded: the same bytes serve many files.
#[derive(Clone)]
struct Written {
    first_row: u32,
    records: u32,
    read: Vec<u8>,
    checked: Vec<u8>,
}

impl Written {
    fn new(first_row: u32, records: u32) -> Outcome<Self> {
        let rows: Vec<u32> = (first_row..first_row + records).collect();
        let mut texts = Texts::default();
        let mut columns = vec![ReadColumn::default(); 4];
        for row in &rows {
            let cells = [format!("r-{row}"), "1.5".to_owned(), format!("AS-{}", row % 50), "VM".to_owned()];
            for (column, cell) in columns.iter_mut().zip(&cells) {
                column.texts.push(texts.number_of(cell));
            }
        }
        let record = |row: &u32| CheckedRecord {
            row: *row,
            subscription: Some(row % 50),
            item: Some(row % 3),
            quantity: Decimal::parse("1.5").ok(),
            start: Some(Moment(OCTOBER + i64::from(row % 30) * Moment::DAY)),
            end: Some(Moment(OCTOBER + i64::from(row % 30 + 1) * Moment::DAY)),
            ..CheckedRecord::default()
        };
        let checked = CheckedBatch {
            records: rows.iter().map(record).collect(),
            subscriptions: (0..50).map(subscription).collect::<Outcome<_>>()?,
            items: (0..3).map(item).collect::<Outcome<_>>()?,
        };
        let read = proto::encode_read_batch(&ReadBatch { salt_key: [7; 32], rows, columns, texts })?;
        Ok(Self { first_row, records, read, checked: proto::encode_checked_batch(&checked)? })
    }

    fn part(&self, sequence: u64) -> Part {
        Part { sequence, first_row: self.first_row, last_row: self.first_row + self.records - 1, records: self.records }
    }
}

fn subscription(number: u32) -> Outcome<SubscriptionFacts> {
    Ok(SubscriptionFacts {
        id: id(&format!("AS-{number}"))?,
        external_id: format!("ext-{number}"),
        external_uid: format!("uid-{number}"),
        recon_id: String::new(),
        hub: Some(named("HB-1")?),
        customer_external_id: String::new(),
        customer_name: String::new(),
    })
}

fn item(number: u32) -> Outcome<ItemFacts> {
    Ok(ItemFacts {
        named: named(&format!("PRD-0-000{number}"))?,
        mpn: format!("VM-{number}"),
        unit: "unit".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 2,
    })
}

/// What ingestion and validation say of a file.
fn examine(ingestion: &mut Pen, validation: &mut Pen, file: FileId, seconds: u32, batches: &[Written]) -> Outcome<()> {
    let (subject, upload, attempt) = (Subject::File(file), 1, 1);
    ingestion.say(subject.clone(), seconds, Fact::ReadStarted { upload, attempt })?;
    validation.say(subject.clone(), seconds, Fact::CheckStarted { upload, attempt, catalog_position: 1 })?;
    let (mut read_parts, mut checked_parts, mut valid) = (Vec::new(), Vec::new(), 0);
    for (part, batch) in (0..).zip(batches) {
        let Part { first_row, last_row, records, .. } = batch.part(0);
        let payload = batch.read.clone();
        let root = Hash::ZERO;
        let read = RecordsRead { upload, attempt, part, first_row, last_row, records, root, payload };
        let read_sequence = ingestion.say(subject.clone(), seconds, Fact::RecordsRead(Box::new(read)))?;
        read_parts.push(batch.part(read_sequence));
        let checked = RecordsChecked {
            upload,
            attempt,
            part,
            first_row,
            last_row,
            valid: records,
            invalid: 0,
            read_sequence,
            read_hash: Hash::ZERO,
            payload: batch.checked.clone(),
        };
        let sequence = validation.say(subject.clone(), seconds, Fact::RecordsChecked(Box::new(checked)))?;
        checked_parts.push(batch.part(sequence));
        valid += records;
    }
    let names = ["record_id", "quantity", "asset_id", "item_mpn"];
    let column = |name: &&str| FileColumn { name: (*name).to_owned(), header: (*name).to_owned(), sheet_column: 0 };
    let columns = names.iter().map(column).collect();
    let (ignored, categories, parts) = (Vec::new(), Vec::new(), read_parts);
    let read = FileRead { upload, attempt, columns, ignored, categories, parts, records: valid };
    ingestion.say(subject.clone(), seconds, Fact::FileRead(Box::new(read)))?;
    let checked = FileChecked {
        upload,
        attempt,
        parts: checked_parts,
        valid,
        invalid: 0,
        totals: Vec::new(),
        exempt_totals: Vec::new(),
        codes: Vec::new(),
        warnings: Vec::new(),
        span: Some(Period { from: Moment(OCTOBER), to: Moment(OCTOBER + 29 * Moment::DAY) }),
        summary_parts: 1,
    };
    let lines = summary(batches)?;
    validation.say(subject.clone(), seconds, Fact::UsageSummarized { upload, attempt, part: 0, lines })?;
    validation.say(subject.clone(), seconds, Fact::FileChecked(Box::new(checked)))?;
    let (vendor, provider, rejects) = (Hash::ZERO, Some(Hash::ZERO), None);
    validation.say(subject, seconds, Fact::ProcessedWritten { upload, vendor, provider, rejects, writer: 1 })?;
    Ok(())
}
