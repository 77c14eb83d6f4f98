//! What an operator does at the machine: importing catalogs and issuing keys.
//!
//! While the product runs, `DATA/admin.sock` (0600) serves it; when nobody holds the data directory, the command line
//! opens it itself for the moment. Each request is one line of JSON, and so is each answer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use catalog::json;
use ledger::catalog::{Account, CatalogObject, Key, Role};
use ledger::{Command, KeyScope, Named, ObjectId, Rejection, Scope, Scopes, ServiceName};
use runtime::source::SourceError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::audit::AuditError;
use crate::partitions::Partitions;
use crate::product::{Product, ProductError, Settings};
use crate::{secrets, state};

/// Objects in one command: about a mebibyte of facts.
const OBJECTS_AT_ONCE: usize = 200;
/// The longest request: a catalog of some hundred thousand subscriptions.
const REQUEST_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Faults that are shown; the rest are counted.
const FAULTS_SHOWN: usize = 50;

/// What an operator can ask for, as the socket's JSON has it: `{"request":"issue","account":"VA-…","name":"…"}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Import a catalog file's text.
    Import {
        /// The text.
        catalog: String,
    },
    /// Write the catalog out.
    Export,
    /// Issue a key for an account.
    IssueKey {
        /// The account.
        account: String,
        /// What the key is for.
        name: String,
        /// What it may do of what its account may: none of it for a key that only reads, all of it where this isn't given.
        #[serde(default)]
        scopes: Option<Vec<String>>,
    },
    /// Make a link that signs the holder of a key in at the portal, once.
    SignInLink {
        /// The key.
        key: String,
        /// Where the portal is for whoever reads the link, if not where this process says.
        url: Option<String>,
    },
    /// Revoke a key.
    RevokeKey {
        /// The key.
        key: String,
    },
    /// List the keys.
    ListKeys,
    /// Tell digests of what is known.
    State {
        /// By every service's log, instead of by this process.
        logs: bool,
    },
}

/// An operator's request was not done.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The catalog is refused whole.
    #[error("the catalog has {count} faults and nothing of it was imported:\n{listed}")]
    Catalog {
        /// How many faults.
        count: usize,
        /// The first of them, a line each.
        listed: String,
    },
    /// A service refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The answer of a running product.
    #[error("{0}")]
    Told(String),
    /// The socket can't be used.
    #[error("could not talk to the running product through {path}")]
    Socket {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The data directory can't be opened.
    #[error("could not open the data directory")]
    Product(#[from] ProductError),
    /// A log can't be read.
    #[error("could not read what was recorded")]
    Log(#[from] SourceError),
    /// Logs can't be folded.
    #[error("could not fold what was recorded")]
    Audit(#[from] AuditError),
    /// No random numbers.
    #[error(transparent)]
    Secrets(#[from] secrets::SecretsError),
}

/// Does a request in the running product.
///
/// # Errors
/// See [`AdminError`].
pub async fn perform(product: &Product, request: Request) -> Result<Value, AdminError> {
    let decides = matches!(request, Request::Import { .. } | Request::IssueKey { .. } | Request::RevokeKey { .. });
    if decides && let Some(standing) = product.stands_by() {
        return Err(AdminError::Told(format!("ask the process that writes: {standing}")));
    }
    match request {
        Request::Import { catalog } => import(product, catalog.as_bytes()).await,
        Request::Export => {
            product.projection.catch_up().await;
            let catalog = product.bus.shelf().take();
            Ok(json::export(&catalog))
        }
        Request::IssueKey { account, name, scopes } => issue(product, &account, &name, scopes).await,
        Request::SignInLink { key, url } => link(product, &key, url),
        Request::RevokeKey { key } => {
            let key = ObjectId::new(&key).ok_or(Rejection::NotFound)?;
            product.bus.ask(Command::RevokeKey { key: key.clone() }, Scope::operator(), None).await?;
            Ok(json!({ "revoked": key.as_str() }))
        }
        Request::ListKeys => {
            let catalog = product.bus.shelf().take();
            let keys = catalog.keys.values().map(|key| {
                json!({ "id": key.named.id.as_str(), "name": key.named.name, "account": key.account.as_str(),
                        "revoked": key.revoked,
                        "scopes": key.scopes.0.as_ref().map(|it| it.iter().map(|scope| scope.name()).collect::<Vec<_>>()) })
            });
            Ok(Value::Array(keys.collect()))
        }
        Request::State { logs } => {
            if logs {
                // How far the logs of other processes go is known once they were asked.
                for source in product.bus.sources(&ServiceName::WRITERS) {
                    source.position().await?;
                }
            }
            tokio::task::block_in_place(|| {
                if logs { Ok(state::of_logs(product)?) } else { Ok(state::of_process(product)?) }
            })
        }
    }
}

async fn import(product: &Product, text: &[u8]) -> Result<Value, AdminError> {
    let known = product.bus.shelf().take();
    let objects = json::read(text, &known, &product.secrets.pepper).map_err(|faults| {
        let lines = faults.iter().take(FAULTS_SHOWN).map(|fault| format!("  {fault}"));
        AdminError::Catalog { count: faults.len(), listed: lines.collect::<Vec<_>>().join("\n") }
    })?;
    let mut recorded = 0;
    for part in objects.chunks(OBJECTS_AT_ONCE) {
        let command = Command::ImportCatalog { objects: part.to_vec() };
        let answer = product.bus.ask(command, Scope::operator(), None).await?;
        product.projection.reach(answer.host, answer.sequence).await;
        recorded += answer.events.iter().filter(|event| matches!(event.fact, ledger::Fact::ObjectRecorded(_))).count();
    }
    Ok(json!({ "objects": objects.len(), "recorded": recorded }))
}

fn link(product: &Product, key: &str, url: Option<String>) -> Result<Value, AdminError> {
    let catalog = product.bus.shelf().take();
    let known = ObjectId::new(key).and_then(|id| catalog.keys.get(&id)).filter(|key| !key.revoked);
    let known =
        known.ok_or_else(|| AdminError::Told(format!("there is no key {key}, or it is revoked; see key list")))?;
    let url = url.or_else(|| product.portal.clone()).ok_or_else(|| {
        AdminError::Told(
            "this process serves no portal: ask the one that does, or say with --url where it is".to_owned(),
        )
    })?;
    let random = secrets::random(16)?.try_into().map_err(|_| secrets::SecretsError::Random)?;
    let path = gateway::sign_in_path(&known.named.id, &product.secrets.link, &random, product.clock.now());
    let path = path.ok_or(Rejection::Unavailable)?;
    Ok(json!({ "link": format!("{}{path}", url.trim_end_matches('/')) }))
}

async fn issue(product: &Product, account: &str, name: &str, scopes: Option<Vec<String>>) -> Result<Value, AdminError> {
    let unknown = |name: &str| AdminError::Told(format!("there is no scope {name}"));
    let scopes = scopes.map(|scopes| {
        scopes.iter().map(|name| KeyScope::parse(name).ok_or_else(|| unknown(name))).collect::<Result<_, _>>()
    });
    let scopes = Scopes(scopes.transpose()?);
    let catalog = product.bus.shelf().take();
    let account = ObjectId::new(account).filter(|id| catalog.accounts.contains_key(id)).ok_or_else(|| {
        AdminError::Told(format!("account {account} is not in the catalog; import it first, or see catalog export"))
    })?;
    let number = secrets::random(8)?.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let (a, b, c) = (number % 1000, number / 1000 % 1000, number / 1_000_000 % 1000);
    let id = format!("SU-{a:03}-{b:03}-{c:03}");
    let id = ObjectId::new(&id).filter(|id| !catalog.keys.contains_key(id)).ok_or(Rejection::Unavailable)?;
    let secret = secrets::key_secret()?;
    let key = Key {
        secret_hash: json::secret_hash(&id, &secret, &product.secrets.pepper),
        named: Named { id: id.clone(), name: name.to_owned() },
        account: account.clone(),
        revoked: false,
        scopes,
    };
    let command = Command::ImportCatalog { objects: vec![CatalogObject::Key(key)] };
    product.bus.ask(command, Scope::operator(), None).await?;
    Ok(json!({ "id": id.as_str(), "account": account.as_str(), "key": format!("ApiKey {id}:{secret}") }))
}

/// The first start makes an operator's account and one key for it; the key is returned to be shown once.
///
/// # Errors
/// When the catalog refuses.
pub async fn first_key(product: &Product) -> Result<Option<String>, AdminError> {
    let catalog = product.bus.shelf().take();
    if !catalog.keys.is_empty() {
        return Ok(None);
    }
    let id = ObjectId::new("OP-000-001").ok_or(Rejection::NotFound)?;
    let source = json!({ "id": id.as_str(), "name": "Operator", "type": "operator", "role": "operator" }).to_string();
    let named = Named { id: id.clone(), name: "Operator".to_owned() };
    let account = CatalogObject::Account(Account { named, role: Role::Operator, source });
    let command = Command::ImportCatalog { objects: vec![account] };
    product.bus.ask(command, Scope::operator(), None).await?;
    let issued = issue(product, id.as_str(), "first administrator", None).await?;
    Ok(issued.get("key").and_then(Value::as_str).map(str::to_owned))
}

/// Serves `admin.sock` until the product stops.
///
/// # Errors
/// When the socket can't be made.
pub async fn serve(product: &Product, data: &Path) -> Result<(), AdminError> {
    let path = data.join("admin.sock");
    let failed = |source| AdminError::Socket { path: path.clone(), source };
    // The data directory is ours alone, so a socket that is there is of a process that is gone.
    drop(std::fs::remove_file(&path));
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(failed)?;
        let (read, mut write) = stream.into_split();
        let mut line = Vec::new();
        let mut reader = tokio::io::BufReader::new(read).take(REQUEST_BYTES_MAX);
        let answer = match reader.read_until(b'\n', &mut line).await {
            Ok(_) => match serde_json::from_slice(&line) {
                Ok(request) => perform(product, request).await,
                Err(error) => Err(AdminError::Told(format!("the request is not understood: {error}"))),
            },
            Err(error) => Err(AdminError::Told(error.to_string())),
        };
        let text = match answer {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        // Who asked may be gone; what was done is recorded.
        drop(write.write_all(format!("{text}\n").as_bytes()).await);
    }
}

/// Does a request from the command line: through the socket of a running product, or in the data directory itself, which
/// has this many partitions.
///
/// # Errors
/// See [`AdminError`].
pub async fn ask(data: &Path, partitions: u16, request: Request) -> Result<Value, AdminError> {
    let path = data.join("admin.sock");
    match UnixStream::connect(&path) {
        Ok(stream) => tell(&path, stream, &request),
        Err(_) if matches!(request, Request::SignInLink { .. }) => {
            let told = "the ledger isn't running with this data directory; start it first, since the link is good for \
                        fifteen minutes";
            Err(AdminError::Told(told.to_owned()))
        }
        Err(_) => {
            let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
            let partitions = Partitions { of: partitions, here: None };
            let product = Product::start(Settings { partitions, ..Settings::new(data, loopback) }).await?;
            product.projection.catch_up().await;
            let answer = perform(&product, request).await;
            product.stop().await;
            answer
        }
    }
}

fn tell(path: &Path, mut stream: UnixStream, request: &Request) -> Result<Value, AdminError> {
    let failed = |source| AdminError::Socket { path: path.to_owned(), source };
    let line = serde_json::to_string(request).map_err(|error| AdminError::Told(error.to_string()))?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).map_err(failed)?;
    let answer: Value = serde_json::from_str(&line)
        .map_err(|_| AdminError::Told("the running product gave no answer; see its log".to_owned()))?;
    if let Some(ok) = answer.get("ok") {
        return Ok(ok.clone());
    }
    let error = answer.get("error").and_then(Value::as_str).unwrap_or("unknown error");
    Err(AdminError::Told(error.to_owned()))
}
