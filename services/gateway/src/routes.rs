//! Every path that is served, in one table. `routes!` takes method and path from the handler's `#[utoipa::path]`, so
//! that the document at `/openapi.json` has what is served and nothing else.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::catalog::{self, edit, lists};
use crate::{
    actions, aggregates, chunks, download, dry_run, feed, files, health, history, keys, lifecycle, openapi, progress,
    proofs, provenance, reconciliations, records, reported, rules, sessions, simulate, template, verification,
    webhooks,
};

/// All routes, without the slash that may stand at their ends.
pub(crate) fn all() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::head()).merge(usage()).merge(objects()).merge(others())
}

fn usage() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(files::list, files::create))
        .routes(routes!(files::get, files::put))
        .routes(routes!(files::upload))
        .routes(routes!(files::categories))
        .routes(routes!(records::faults::list))
        .routes(routes!(actions::submit))
        .routes(routes!(actions::accept))
        .routes(routes!(actions::reject))
        .routes(routes!(actions::close))
        .routes(routes!(actions::delete))
        .routes(routes!(actions::reprocess))
        .routes(routes!(actions::approve_all))
        .routes(routes!(records::list))
        .routes(routes!(records::close::close_many))
        .routes(routes!(records::get, records::close::put))
        .routes(routes!(records::close::close))
        .routes(routes!(chunks::list))
        .routes(routes!(chunks::get, chunks::put))
        .routes(routes!(chunks::close))
        .routes(routes!(chunks::regenerate))
        .routes(routes!(chunks::download))
        .routes(routes!(files::reconcile))
        .routes(routes!(reconciliations::list, reconciliations::create))
        .routes(routes!(reconciliations::get))
        .routes(routes!(reconciliations::download))
        .routes(routes!(aggregates::list))
        .routes(routes!(aggregates::list_as_sdk))
        .routes(routes!(aggregates::of_asset))
        .routes(routes!(aggregates::comparison::show))
        .routes(routes!(aggregates::series::show))
        .routes(routes!(dry_run::validate))
        .routes(routes!(template::link))
}

fn objects() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(keys::list, keys::issue))
        .routes(routes!(keys::replace))
        .routes(routes!(keys::revoke))
        .routes(routes!(sessions::list, sessions::open))
        .routes(routes!(sessions::end))
        .routes(routes!(verification::show, verification::start))
        .routes(routes!(catalog::history::list))
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(rules::get, rules::put, rules::delete))
        .routes(routes!(simulate::simulate))
        .routes(routes!(lists::products::list))
        .routes(routes!(lists::products::get, edit::change_product))
        .routes(routes!(catalog::items, edit::create_item))
        .routes(routes!(catalog::item, edit::change_item))
        .routes(routes!(lists::contracts::list))
        .routes(routes!(lists::contracts::get))
        .routes(routes!(lists::listings::list))
        .routes(routes!(lists::listings::get))
        .routes(routes!(lists::assets::list))
        .routes(routes!(lists::assets::get))
        .routes(routes!(lists::subscriptions::list))
        .routes(routes!(lists::subscriptions::get))
        .routes(routes!(lists::marketplaces::list))
        .routes(routes!(lists::marketplaces::get))
        .routes(routes!(lists::hubs::list))
        .routes(routes!(lists::hubs::get))
        .routes(routes!(lists::accounts::list))
        .routes(routes!(lists::accounts::get))
}

fn others() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(feed::list))
        .routes(routes!(progress::stream))
        .routes(routes!(history::of_file))
        .routes(routes!(history::of_record))
        .routes(routes!(provenance::show))
        .routes(routes!(proofs::keys))
        .routes(routes!(proofs::checkpoints))
        .routes(routes!(proofs::record::prove))
        .routes(routes!(proofs::tree::prove))
        .routes(routes!(proofs::statement::show))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::get, webhooks::put, webhooks::delete))
        .routes(routes!(reported::report))
        .routes(routes!(actions::seal))
        .routes(routes!(lifecycle::lifecycle))
        .routes(routes!(health::root))
        .routes(routes!(template::linked))
        .routes(routes!(download::linked))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(openapi::viewer))
}
