//! The portal: pages for the people who report usage, review it and look after the ledger.
//!
//! It has no way to the ledger of its own. Each page is made of what the API answers to whoever is signed in, and each
//! button is a request to it: so a page shows nothing and does nothing that the same key couldn't, and what the API
//! refuses is refused here in its words. The calls go through the API's router in this process, without a network.

mod api;
mod assets;
mod chart;
mod chrome;
mod count;
mod done;
mod fault;
mod figure;
mod guard;
mod metrics;
mod pages;
mod query;
mod record;
mod session;
mod shape;
mod signed;
mod time;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::Extensions;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use ledger::{Moment, ObjectId};

/// What the portal is made of.
#[derive(Clone)]
pub struct Portal {
    /// The API, which also answers every path that no page has.
    pub api: Router,
    /// Lets a request to the API come in the name of a key, in a session.
    pub admit: fn(&mut Extensions, ObjectId, ObjectId),
    /// What session cookies are signed with; common to all gateways, or a session of one would end at another.
    pub secret: Vec<u8>,
    /// The product's version, shown at the foot of each page.
    pub version: String,
    /// The time.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
}

impl fmt::Debug for Portal {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Portal").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The pages, and the API behind them.
pub fn router(portal: Portal) -> Router {
    let api = portal.api.clone();
    let app = Arc::new(portal);
    Router::new()
        .merge(around())
        .merge(files())
        .merge(products())
        .merge(operators())
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
        .fallback_service(api)
}

/// Signing in, what waits, and what isn't about one thing.
fn around() -> Router<Arc<Portal>> {
    Router::new()
        .route("/", get(pages::start::show))
        .route("/sign-in", get(pages::signin::show).post(pages::signin::sign_in))
        .route("/sign-in/link", get(pages::signin::link).post(pages::signin::follow))
        .route("/sign-out", post(pages::signin::sign_out))
        .route("/sessions", get(pages::sessions::list))
        .route("/sessions/{id}/end", post(pages::sessions::end))
        .route("/help", get(pages::help::show))
        .route("/charts", get(pages::charts::show))
        .route("/usage", get(pages::usage::list))
        .route("/views", post(pages::views::save))
        .route("/views/drop", post(pages::views::drop_one))
        .route("/assets/{name}", get(assets::serve))
}

fn files() -> Router<Arc<Portal>> {
    Router::new()
        .route("/files", get(pages::files::list).post(pages::new::create))
        .route("/files/new", get(pages::new::step))
        .route("/files/accept", post(pages::bulk::accept))
        .route("/files/{id}", get(pages::file::show))
        .route("/files/{id}/records", get(pages::records::list))
        .route("/files/{id}/changes", get(pages::changes::show))
        .route("/files/{id}/statement", get(pages::statement::show))
        .route("/files/{id}/check", get(pages::check::show).post(pages::check::run))
        .route("/files/{id}/upload", post(pages::actions::upload))
        .route("/files/{id}/reconciliation", post(pages::actions::reconcile))
        .route("/files/{id}/reconciliations/{reconciliation}", get(pages::download::reconciliation))
        .route("/files/{id}/do/{action}", post(pages::actions::act))
        .route("/files/{id}/download/{which}", get(pages::download::workbook))
        .route("/files/{id}/chunks/{chunk}", get(pages::download::chunk))
        .route("/files/{id}/chunks/{chunk}/name", post(pages::actions::name_chunk))
        .route("/files/{id}/chunks/{chunk}/close", post(pages::actions::close_chunk))
        .route("/records/{id}", get(pages::record::show))
        .route("/template/{product}", get(pages::download::template))
}

fn products() -> Router<Arc<Portal>> {
    Router::new()
        .route("/products", get(pages::products::list))
        .route("/products/{id}", get(pages::products::show))
        .route("/products/{id}/capabilities", post(pages::products::save))
        .route("/products/{id}/items", get(pages::items::list).post(pages::items::create))
        .route("/products/{id}/items/{item}", post(pages::items::change))
        .route("/products/{id}/rules", get(pages::rules::list).post(pages::rules::save))
        .route("/products/{id}/rules/try", post(pages::rules::attempt))
        .route("/products/{id}/rules/{rule}", get(pages::rules::edit))
        .route("/products/{id}/rules/{rule}/move", post(pages::rules::shift))
        .route("/products/{id}/rules/{rule}/delete", post(pages::rules::delete))
}

fn operators() -> Router<Arc<Portal>> {
    Router::new()
        .route("/accounts", get(pages::accounts::list))
        .route("/accounts/{id}/keys", post(pages::accounts::issue))
        .route("/keys/{id}/replace", post(pages::accounts::replace))
        .route("/keys/{id}/revoke", post(pages::accounts::revoke))
        .route("/catalog/{collection}", get(pages::catalog::list))
        .route("/catalog/{collection}/{id}", get(pages::catalog::show))
        .route("/subscribers", get(pages::operator::subscribers))
        .route("/health", get(pages::operator::health))
        .route("/verify", get(pages::operator::verification).post(pages::operator::verify))
}
