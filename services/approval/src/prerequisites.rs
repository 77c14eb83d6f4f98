//! What must hold before usage is reported (seed 001, Prerequisites): checked on creation and again on submit.

use ledger::catalog::{Catalog, Contract, ContractKind, ItemKind, Product, Schema};
use ledger::{ObjectId, Rejection};

/// The product, contract and schema under which usage may be reported now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) product: &'a Product,
    pub(crate) contract: &'a Contract,
    pub(crate) schema: Schema,
}

/// Checks the prerequisites in the order in which the seed lists them.
pub(crate) fn check<'a>(catalog: &'a Catalog, product: &ObjectId, contract: &ObjectId) -> Result<Terms<'a>, Rejection> {
    let product = catalog.products.get(product).ok_or(Rejection::NotFound)?;
    let contract = catalog.contracts.get(contract).ok_or(Rejection::NotFound)?;
    let program =
        |known: &Contract| known.kind == ContractKind::Program && known.active && known.vendor == product.owner;
    if !catalog.contracts.values().any(program) {
        return Err(Rejection::ProgramContractInactive { vendor: product.owner.clone() });
    }
    if !contract.active {
        return Err(Rejection::ContractInactive { contract: contract.named.id.clone() });
    }
    let (product_id, contract_id) = (&product.named.id, &contract.named.id);
    let listed = catalog
        .listings
        .values()
        .any(|listing| listing.listed && listing.product == *product_id && listing.contract == *contract_id);
    if !listed {
        let (product, contract) = (product_id.clone(), contract_id.clone());
        return Err(Rejection::ListingInactive { product, contract });
    }
    let capabilities = &product.capabilities;
    if capabilities.pay_as_you_go.is_none() && !capabilities.reservation_consumption {
        return Err(Rejection::CapabilityOff { product: product_id.clone() });
    }
    let schema = capabilities.pay_as_you_go.unwrap_or(Schema::Qt);
    let reportable = |kind| match kind {
        ItemKind::PayAsYouGo => capabilities.pay_as_you_go.is_some(),
        ItemKind::Reservation => capabilities.reservation_consumption,
    };
    // Where records may bring their items, none has to be defined.
    let brought = capabilities.dynamic && capabilities.pay_as_you_go.is_some();
    if !brought && !catalog.items_of(product_id).any(|item| reportable(item.kind)) {
        return Err(Rejection::ItemsMissing { product: product_id.clone() });
    }
    Ok(Terms { product, contract, schema })
}

/// Checks that estimates may be reported for a product.
pub(crate) fn check_estimates(product: &Product) -> Result<(), Rejection> {
    if product.capabilities.predictive {
        return Ok(());
    }
    Err(Rejection::EstimatesOff { product: product.named.id.clone() })
}
