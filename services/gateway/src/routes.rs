//! Every path that is served, in one table.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};

use crate::app::App;
use crate::{
    aggregates, catalog, chunks, download, dry_run, feed, files, health, progress, reconciliations, records, rules,
    template,
};

/// All routes, without the slash that may stand at their ends.
pub(crate) fn all() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(health::page))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/ledger/v1/links/template/{id}/{name}", get(template::linked))
        .route("/ledger/v1/links/{store}/{blob}/{name}", get(download::linked))
        .route("/ledger/v1/usage/files/{id}/progress", get(progress::stream))
        .route("/ledger/v1/events", get(feed::list))
        .route("/public/v1", get(health::root))
        .merge(usage())
        .merge(objects())
}

fn usage() -> Router<Arc<App>> {
    Router::new()
        .route("/public/v1/usage/files", get(files::list).post(files::create))
        .route("/public/v1/usage/files/{id}", get(files::get).put(files::put))
        .route("/public/v1/usage/files/{id}/upload", post(files::upload))
        .route("/public/v1/usage/files/{id}/reconciliation", post(files::reconcile))
        .route("/public/v1/usage/files/{id}/categories", get(files::categories))
        .route("/public/v1/usage/files/{id}/validation-errors", get(records::faults))
        .route("/public/v1/usage/files/{id}/approve-all", put(files::approve_all))
        .route("/public/v1/usage/files/{id}/{action}", post(files::act))
        .route("/public/v1/usage/records", get(records::list))
        .route("/public/v1/usage/records/close-records", post(records::close_many))
        .route("/public/v1/usage/records/{id}", get(records::get).put(records::put))
        .route("/public/v1/usage/records/{id}/close", post(records::close))
        .route("/public/v1/usage/chunks", get(chunks::list))
        .route("/public/v1/usage/chunks/{id}", get(chunks::get).put(chunks::put))
        .route("/public/v1/usage/chunks/{id}/close", post(chunks::close))
        .route("/public/v1/usage/chunks/{id}/regenerate", post(chunks::regenerate))
        .route("/public/v1/usage/chunks/{id}/download", get(chunks::download))
        .route("/public/v1/usage/reconciliations", get(reconciliations::list).post(reconciliations::create))
        .route("/public/v1/usage/reconciliations/{id}", get(reconciliations::get))
        .route("/public/v1/usage/reconciliations/{id}/{which}", get(reconciliations::download))
        .route("/public/v1/usage/aggregates", get(aggregates::list))
        // As an SDK spells it (connect-api §2.4).
        .route("/public/v1/usage/agregates", get(aggregates::list))
        .route("/public/v1/usage/products/{id}/validate", post(dry_run::validate))
        .route("/public/v1/usage/products/{id}/template", get(template::link))
}

fn objects() -> Router<Arc<App>> {
    Router::new()
        .route("/public/v1/subscriptions/assets", get(catalog::assets))
        .route("/public/v1/subscriptions/assets/{id}", get(catalog::asset))
        .route("/public/v1/assets/{id}/usage/aggregates", get(aggregates::of_asset))
        .route("/public/v1/products/{id}/items", get(catalog::items))
        .route("/public/v1/products/{id}/items/{item}", get(catalog::item))
        .route("/public/v1/products/{id}/usage/rules", get(rules::list).post(rules::create))
        .route("/public/v1/products/{id}/usage/rules/{rule}", get(rules::get).put(rules::put).delete(rules::delete))
        .route("/public/v1/{collection}", get(catalog::list))
        .route("/public/v1/{collection}/{id}", get(catalog::get))
}
