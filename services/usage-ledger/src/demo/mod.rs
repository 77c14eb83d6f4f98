//! The demo: the whole product with sample companies, and a sample usage file taken through its whole life the way its
//! users would, over HTTP.

pub mod generate;
mod history;
mod life;
mod reconcile;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ledger::ObjectId;
use thiserror::Error;

pub use reconcile::reconcile;

use history::Past;

use crate::admin::{self, AdminError, Request};
use crate::cli::{CliError, Client, ClientError};
use crate::product::{Product, ProductError, Settings};

/// The sample companies, contracts, products and subscriptions.
const CATALOG: &str = include_str!("../../../../schemas/demo-catalog.json");
/// A third vendor, who reports with prices: it is there where the demo has a past.
const THIRD_VENDOR: &str = include_str!("../../../../schemas/demo-third-vendor.json");
/// Logs are signed sooner than elsewhere, so that a file which lives for seconds has workbooks with a checkpoint.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(1);
/// The contract of the sample file: Front Street reports to Mighty Mick's.
const CONTRACT: &str = "CRD-21674-67435-75488";
/// The product of the sample file; it reports reservations too, so that every published code can be raised.
const PRODUCT: &str = "PRD-802-355-388";
/// The key of the sample vendor.
pub const VENDOR_KEY: &str = "ApiKey SU-000-000-001:demo-only-vendor-secret";
/// The key of the sample distributor.
pub const DISTRIBUTOR_KEY: &str = "ApiKey SU-000-000-002:demo-only-distributor-secret";
/// The keys of the sample companies. They are public: use them for nothing else.
const KEYS: [(&str, &str, &str); 4] = [
    ("vendor", "Front Street", VENDOR_KEY),
    ("distributor", "Mighty Mick's LLC", DISTRIBUTOR_KEY),
    ("reseller", "Meat Market Resale", "ApiKey SU-000-000-006:demo-only-reseller-secret"),
    ("operator", "Ledger Operations", "ApiKey SU-000-000-005:demo-only-operator-secret"),
];

/// Those of the other companies, whose files are in the demo's past.
const MORE_KEYS: [(&str, &str, &str); 3] = [
    ("vendor", "Shamrock Provisions", "ApiKey SU-000-000-003:demo-only-second-vendor-secret"),
    ("vendor", "Balboa Cloud", "ApiKey SU-000-000-007:demo-only-third-vendor-secret"),
    ("distributor", "Tiger Street Distribution", "ApiKey SU-000-000-004:demo-only-second-distributor-secret"),
];

/// Every key of the demo catalog, and its secret.
#[must_use]
pub fn keys() -> Vec<(String, String)> {
    keys_of(CATALOG)
}

/// Those of the demo's companies, the third vendor included.
fn all_keys() -> Vec<(String, String)> {
    keys().into_iter().chain(keys_of(THIRD_VENDOR)).collect()
}

fn keys_of(catalog: &str) -> Vec<(String, String)> {
    let catalog: serde_json::Value = serde_json::from_str(catalog).unwrap_or_default();
    let keys = catalog.get("api_keys").and_then(serde_json::Value::as_array);
    let text = |key: &serde_json::Value, name: &str| Some(key.get(name)?.as_str()?.to_owned());
    keys.into_iter().flatten().filter_map(|key| Some((text(key, "id")?, text(key, "secret")?))).collect()
}

/// How the demo is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory; a fresh one by default.
    pub data: Option<PathBuf>,
    /// The address.
    pub listen: SocketAddr,
    /// Records of the sample file.
    pub records: u32,
    /// The seed of its content.
    pub seed: u64,
    /// How many months of history are made before.
    pub months: u32,
}

/// The demo came to an end that it should not have.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The data directory has something in it.
    #[error("{0} is not empty; the demo wants a data directory of its own")]
    NotEmpty(PathBuf),
    /// The product can't start.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// The catalog was not taken.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A command failed.
    #[error("could not watch a file: {0}")]
    Watch(Box<CliError>),
    /// A sample workbook can't be made.
    #[error("could not make a sample workbook")]
    Generate(#[from] generate::GenerateError),
    /// A workbook can't be read.
    #[error("could not read a workbook")]
    Read(#[from] workbook::read::ReadError),
    /// A workbook can't be written.
    #[error("could not write a workbook")]
    Write(#[from] workbook::write::WriteError),
    /// A file can't be used.
    #[error("could not use a file of the demo")]
    Io(#[from] std::io::Error),
    /// A thread of the demo ended in the middle of its work.
    #[error("a thread of the demo ended in the middle of its work")]
    Thread,
    /// What came out is not what should.
    #[error("{what}: expected {expected}, got {got}")]
    Different {
        /// What was compared.
        what: String,
        /// What should come out.
        expected: String,
        /// What came out.
        got: String,
    },
}

impl From<CliError> for DemoError {
    fn from(error: CliError) -> Self {
        Self::Watch(Box::new(error))
    }
}

/// The demo while it runs.
#[derive(Debug)]
pub struct Demo {
    /// The product.
    pub product: Product,
    /// Its data directory.
    pub data: PathBuf,
    options: Options,
}

/// What the file's life is made with, apart from the product.
#[derive(Debug)]
struct Stage {
    vendor: Client,
    distributor: Client,
    catalog: std::sync::Arc<ledger::Catalog>,
    projection: runtime::projection::Projection,
    folder: PathBuf,
    contract: ObjectId,
    product: ObjectId,
    records: u32,
    seed: u64,
    now: ledger::Moment,
}

/// Starts the product in a fresh data directory with the sample catalog.
///
/// # Errors
/// See [`DemoError`].
pub async fn start(options: Options) -> Result<Demo, DemoError> {
    let data = match &options.data {
        Some(data) => data.clone(),
        None => std::env::temp_dir().join(format!("usage-ledger-demo-{}", std::process::id())),
    };
    if std::fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(DemoError::NotEmpty(data));
    }
    let guard = crate::cli::guard();
    let settings = Settings { guard, checkpoint_after: CHECKPOINT_AFTER, ..Settings::new(&data, options.listen) };
    let product = Product::start(settings).await?;
    let imported = admin::perform(&product, Request::Import { catalog: CATALOG.to_owned() }).await?;
    let mut objects = imported.get("objects").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if options.months > 0 {
        let more = admin::perform(&product, Request::Import { catalog: THIRD_VENDOR.to_owned() }).await?;
        objects += more.get("objects").and_then(serde_json::Value::as_u64).unwrap_or(0);
    }
    eprintln!("The ledger runs at {} with its data in {}.", product.url(), data.display());
    eprintln!("The demo catalog is loaded: {objects} objects.\n");
    Ok(Demo { product, data, options })
}

impl Demo {
    /// Takes a sample file through its whole life, then shows one with errors and one that can't be read.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub async fn live(&mut self) -> Result<(), DemoError> {
        let folder = self.data.join("demo-files");
        std::fs::create_dir_all(&folder)?;
        let client = |index: usize| {
            let key = KEYS.get(index).map_or("", |(_, _, key)| *key);
            Client::new(&self.product.url(), key)
        };
        let id = |text: &str| ObjectId::new(text).unwrap_or_default();
        let stage = Stage {
            vendor: client(0),
            distributor: client(1),
            catalog: self.product.bus.shelf().take(),
            projection: self.product.projection.clone(),
            folder,
            contract: id(CONTRACT),
            product: id(PRODUCT),
            records: self.options.records,
            seed: self.options.seed,
            now: self.product.clock.now(),
        };
        let past = Past {
            url: self.product.url(),
            catalog: stage.catalog.clone(),
            folder: stage.folder.clone(),
            now: stage.now,
            months: self.options.months,
            keys: all_keys(),
        };
        let work = tokio::task::spawn_blocking(move || {
            if past.months > 0 {
                past.make()?;
            }
            life::live(&stage)
        });
        work.await.unwrap_or_else(|error| Err(DemoError::Product(ProductError::Ended(error.to_string()))))
    }

    /// Says where the ledger is and with which keys.
    pub fn invite(&self) {
        let url = self.product.url();
        println!(
            "\nThe ledger stays up at {url} until you press Ctrl-C. Open it in a browser and sign in with one of these keys:"
        );
        for (role, company, key) in KEYS {
            println!("  {role:<12} {company:<26} {key}");
        }
        if self.options.months > 0 {
            for (role, company, key) in MORE_KEYS {
                println!("  {role:<12} {company:<26} {key}");
            }
        }
        let key = KEYS.first().map_or("", |(_, _, key)| *key);
        println!("\nTry:");
        println!("  curl -s -H 'Authorization: {key}' '{url}/public/v1/usage/files'");
        println!("  usage-ledger file list --url {url} --key '{key}'");
        let (data, id) = (self.data.display(), key.trim_start_matches("ApiKey ").split(':').next().unwrap_or_default());
        println!("  usage-ledger key link {id} --data '{data}'");
        println!("The workbooks of the demo are in {}.", self.data.join("demo-files").display());
    }
}

/// Compares what came out with what should.
fn expect<T: PartialEq + ToString>(what: &str, expected: &T, got: &T) -> Result<(), DemoError> {
    if expected == got {
        return Ok(());
    }
    Err(DemoError::Different { what: what.to_owned(), expected: expected.to_string(), got: got.to_string() })
}
