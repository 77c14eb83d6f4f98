//! The commands of approval that make files.

use ledger::command::{CreateFile, OpenReport};

use crate::convert::catalog::{environment, environment_number};
use crate::convert::value::{object_id, required};
use crate::error::WireError;
use crate::wire;

impl From<&CreateFile> for wire::CreateFile {
    fn from(it: &CreateFile) -> Self {
        Self {
            product_id: it.product.to_string(),
            contract_id: it.contract.to_string(),
            name: it.name.clone(),
            external_id: it.external_id.clone(),
            description: it.description.clone(),
            note: it.note.clone(),
            period: it.period.map(wire::Period::from),
            time_zone: it.time_zone.clone(),
            predictive: it.predictive,
            currency: it.currency.clone(),
            environment: it.environment.map(environment_number),
        }
    }
}

impl TryFrom<wire::CreateFile> for CreateFile {
    type Error = WireError;

    fn try_from(it: wire::CreateFile) -> Result<Self, WireError> {
        Ok(Self {
            product: object_id(&it.product_id, "product_id")?,
            contract: object_id(&it.contract_id, "contract_id")?,
            name: it.name,
            external_id: it.external_id,
            description: it.description,
            note: it.note,
            period: it.period.map(Into::into),
            time_zone: it.time_zone,
            predictive: it.predictive,
            currency: it.currency,
            environment: it.environment.map(environment).transpose()?,
        })
    }
}

impl From<&OpenReport> for wire::OpenReport {
    fn from(it: &OpenReport) -> Self {
        Self {
            product_id: it.product.to_string(),
            contract_id: it.contract.to_string(),
            period: Some(it.period.into()),
            currency: it.currency.clone(),
            environment: it.environment.map(environment_number),
        }
    }
}

impl TryFrom<wire::OpenReport> for OpenReport {
    type Error = WireError;

    fn try_from(it: wire::OpenReport) -> Result<Self, WireError> {
        Ok(Self {
            product: object_id(&it.product_id, "product_id")?,
            contract: object_id(&it.contract_id, "contract_id")?,
            period: required(it.period, "period")?.into(),
            currency: it.currency,
            environment: it.environment.map(environment).transpose()?,
        })
    }
}
