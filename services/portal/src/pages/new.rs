//! The wizard that creates a usage file, in seven steps (seed 003). What was chosen stands in the address, so that it
//! can be left, kept and gone on with at any time; nothing is recorded before the last step.

use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::file::once;
use crate::chrome::{Chrome, page};
use crate::fault::Fault;
use crate::query::encoded;
use crate::shape::{Contract, File, Listing, Marketplace, Product, Reference};
use crate::signed::Signed;

/// The steps, in order.
const STEPS: [&str; 7] =
    ["Instruction", "Product", "Environment", "Distributor", "Marketplace", "Additional data", "Summary"];
/// Zones that are suggested; any other name of the IANA works as well.
const ZONES: [&str; 8] = [
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Madrid",
    "Asia/Kolkata",
    "Asia/Tokyo",
];

/// What was chosen so far.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chosen {
    step: u8,
    product: String,
    environment: String,
    provider: String,
    marketplace: String,
    /// The file that was created.
    file: String,
}

impl Chosen {
    /// The address of a step with what was chosen before it.
    fn address(&self, step: u8) -> String {
        let given = [
            (2, "product", &self.product),
            (3, "environment", &self.environment),
            (4, "provider", &self.provider),
            (5, "marketplace", &self.marketplace),
        ];
        let given = given.iter().filter(|(of, _, value)| *of < step && !value.is_empty());
        given.fold(format!("/files/new?step={step}"), |address, (_, name, value)| {
            format!("{address}&{name}={}", encoded(value))
        })
    }

    /// The first step that lacks what the later ones need, or the one asked for.
    fn reached(&self) -> u8 {
        let chosen = [(2, &self.product), (3, &self.environment), (4, &self.provider), (5, &self.marketplace)];
        let lacking = chosen.iter().find(|(_, value)| value.is_empty()).map_or(6, |(step, _)| *step);
        self.step.clamp(1, lacking)
    }
}

/// Something that can be chosen, or why it can't.
struct Choice {
    value: String,
    title: String,
    about: String,
    unmet: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "new.html")]
struct Wizard {
    chrome: Chrome,
    step: u8,
    chosen: Chosen,
    /// Each step's name with the address that leads back to it.
    steps: Vec<(u8, &'static str, Option<String>)>,
    /// The field that is chosen in this step.
    field: &'static str,
    choices: Vec<Choice>,
    /// What is missing before a step can be done at all.
    unmet: Option<&'static str>,
    back: Option<String>,
    products: Vec<Reference>,
    currency: String,
    predictive: bool,
    contract: String,
    zones: [&'static str; 8],
    once: String,
    file: Option<File>,
}

/// Everything that choices are made of.
pub(crate) struct World {
    products: Vec<Product>,
    listings: Vec<Listing>,
    contracts: Vec<Contract>,
}

impl World {
    pub(crate) async fn of(signed: &Signed) -> Result<Self, Fault> {
        let api = &signed.api;
        let products = api.list("/public/v1/products?limit=1000").await?.items;
        let listings = api.list("/public/v1/listings?limit=1000").await?.items;
        let contracts = api.list("/public/v1/contracts?limit=1000").await?.items;
        Ok(Self { products, listings, contracts })
    }

    /// Where the product that was chosen can be reported in the environment that was.
    fn listings(&self, chosen: &Chosen) -> impl Iterator<Item = &Listing> {
        self.listings.iter().filter(|listing| {
            let contract = self.contracts.iter().find(|contract| contract.id == listing.contract.id);
            let fits = contract.is_some_and(|contract| {
                let real = contract.kind == "production";
                contract.status == "active" && real == (chosen.environment == "production")
            });
            listing.status == "listed" && listing.product.id == chosen.product && fits
        })
    }

    /// What can be reported in production: each product with where it is offered.
    pub(crate) fn reportable(&self) -> Vec<(&Product, &Listing)> {
        let reports = self.products.iter().filter(|product| product.reports() && product.status == "published");
        let offers = |product: &Product| Chosen {
            product: product.id.clone(),
            environment: "production".to_owned(),
            ..Chosen::default()
        };
        let each = reports.map(|product| (product, offers(product)));
        each.flat_map(|(product, chosen)| self.listings(&chosen).map(move |it| (product, it)).collect::<Vec<_>>())
            .collect()
    }

    fn products(&self) -> Vec<Choice> {
        let choice = |product: &Product| {
            let listed = self.listings.iter().any(|it| it.product.id == product.id && it.status == "listed");
            let unmet = if !product.reports() {
                Some("Neither Pay-as-you-go nor Consumption reporting is switched on: edit its capabilities.")
            } else if product.status != "published" {
                Some("It isn't published.")
            } else if !listed {
                Some("No active listing offers it.")
            } else {
                None
            };
            let schema = product.capabilities.ppu.as_ref().map_or("", |ppu| ppu.schema.as_str());
            let about =
                if schema.is_empty() { product.id.clone() } else { format!("{} · schema {schema}", product.id) };
            Choice { value: product.id.clone(), title: product.name.clone(), about, unmet }
        };
        self.products.iter().map(choice).collect()
    }

    fn environments(&self, chosen: &Chosen) -> Vec<Choice> {
        let choice = |value: &str, title: &str, about: &str| {
            let asked = Chosen { environment: value.to_owned(), ..chosen.clone() };
            let unmet = self.listings(&asked).next().is_none();
            let unmet = unmet.then_some("No active contract of that kind offers the product.");
            Choice { value: value.to_owned(), title: title.to_owned(), about: about.to_owned(), unmet }
        };
        vec![
            choice(
                "preview",
                "Internal testing (preview)",
                "Try how it works: distributors never receive the file, and you accept and bill it yourself.",
            ),
            choice(
                "production",
                "Production",
                "Your distributor reviews what you submit and bills customers with it. Report production \
                 subscriptions only.",
            ),
        ]
    }

    fn providers(&self, chosen: &Chosen) -> Vec<Choice> {
        let mut choices: Vec<Choice> = Vec::new();
        for listing in self.listings(chosen) {
            let Reference { id, name } = listing.provider.clone();
            if !choices.iter().any(|choice| choice.value == id) {
                choices.push(Choice { value: id.clone(), title: name, about: id, unmet: None });
            }
        }
        choices
    }

    fn marketplaces(&self, chosen: &Chosen) -> Vec<Choice> {
        let listings = self.listings(chosen).filter(|listing| listing.provider.id == chosen.provider);
        let choice = |listing: &Listing| {
            let Reference { id, name } = listing.contract.marketplace.clone();
            let about = format!("{id} · {} · {}", listing.contract.name, listing.contract.id);
            Choice { value: id, title: name, about, unmet: None }
        };
        listings.map(choice).collect()
    }

    /// The contract that all of it comes to.
    fn contract(&self, chosen: &Chosen) -> Option<&str> {
        let mut listings = self.listings(chosen).filter(|listing| listing.provider.id == chosen.provider);
        listings.find(|it| it.contract.marketplace.id == chosen.marketplace).map(|it| it.contract.id.as_str())
    }
}

/// A step of the wizard.
pub(crate) async fn step(signed: Signed, Query(chosen): Query<Chosen>) -> Result<Response, Fault> {
    if !chosen.file.is_empty() {
        return summary(&signed, chosen).await;
    }
    let step = chosen.reached();
    let world = World::of(&signed).await?;
    let mut wizard = blank(&signed, step, chosen.clone());
    if !signed.who.role.is_vendor() {
        wizard.unmet = Some("Usage files are created by vendors. Sign in with a vendor's key.");
        return Ok(page(&wizard));
    }
    (wizard.field, wizard.choices) = match step {
        2 => ("product", world.products()),
        3 => ("environment", world.environments(&chosen)),
        4 => ("provider", world.providers(&chosen)),
        5 => ("marketplace", world.marketplaces(&chosen)),
        _ => ("", Vec::new()),
    };
    if (2..=5).contains(&step) && wizard.choices.iter().all(|choice| choice.unmet.is_some()) {
        wizard.unmet = Some(
            "Nothing can be chosen here. Reporting needs an active program contract and distribution contract, an \
             active listing of the product, and the capability to report usage.",
        );
    }
    match step {
        1 => wizard.products = reported(&world),
        6 => {
            let path = format!("/public/v1/marketplaces/{}", encoded(&chosen.marketplace));
            wizard.currency = signed.api.get::<Marketplace>(&path).await?.currency;
            let product = world.products.iter().find(|product| product.id == chosen.product);
            wizard.predictive =
                product.and_then(|product| product.capabilities.ppu.as_ref()).is_some_and(|ppu| ppu.predictive);
            world.contract(&chosen).unwrap_or_default().clone_into(&mut wizard.contract);
        }
        _ => {}
    }
    Ok(page(&wizard))
}

/// The products whose templates can be had.
fn reported(world: &World) -> Vec<Reference> {
    let reported = world.products.iter().filter(|product| product.reports());
    reported.map(|product| Reference { id: product.id.clone(), name: product.name.clone() }).collect()
}

fn blank(signed: &Signed, step: u8, chosen: Chosen) -> Wizard {
    let steps = (1..).zip(STEPS).map(|(number, name)| {
        let address = (number < step && chosen.file.is_empty()).then(|| chosen.address(number));
        (number, name, address)
    });
    Wizard {
        chrome: signed.chrome("files"),
        step,
        steps: steps.collect(),
        field: "",
        choices: Vec::new(),
        unmet: None,
        back: (step > 1 && chosen.file.is_empty()).then(|| chosen.address(step - 1)),
        products: Vec::new(),
        currency: String::new(),
        predictive: false,
        contract: String::new(),
        zones: ZONES,
        once: once(),
        file: None,
        chosen,
    }
}

async fn summary(signed: &Signed, chosen: Chosen) -> Result<Response, Fault> {
    let path = format!("/public/v1/usage/files/{}", super::file::clean(&chosen.file)?);
    let file: File = signed.api.get(&path).await?;
    let mut wizard = blank(signed, 7, chosen);
    wizard.file = Some(file);
    Ok(page(&wizard))
}

/// The last form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    once: String,
    product: String,
    contract: String,
    environment: String,
    currency: String,
    time_zone: String,
    from: String,
    to: String,
    name: String,
    description: String,
    note: String,
    external_id: String,
    predictive: String,
}

/// Creates the file.
pub(crate) async fn create(signed: Signed, Form(data): Form<Data>) -> Result<Response, Fault> {
    let mut content = json!({
        "product": { "id": data.product },
        "contract": { "id": data.contract },
        "environment": data.environment,
    });
    let texts = [
        ("currency", data.currency),
        ("time_zone", data.time_zone),
        ("name", data.name),
        ("description", data.description),
        ("note", data.note),
        ("external_id", data.external_id),
    ];
    if let Some(object) = content.as_object_mut() {
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
            object.insert(name.to_owned(), json!(text));
        }
        if !data.from.is_empty() || !data.to.is_empty() {
            object.insert("period".to_owned(), json!({ "from": data.from, "to": data.to }));
        }
        if !data.predictive.is_empty() {
            object.insert("predictive".to_owned(), json!(true));
        }
    }
    let once = (!data.once.is_empty()).then_some(data.once.as_str());
    let created = signed.api.post("/public/v1/usage/files", once, &content).await?;
    let id = created.get("id").and_then(|id| id.as_str()).unwrap_or_default();
    Ok(Redirect::to(&format!("/files/new?file={}", encoded(id))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_reached_once_all_before_it_are_chosen() {
        let chosen = Chosen { step: 6, product: "PRD-1".to_owned(), ..Chosen::default() };
        assert_eq!(chosen.reached(), 3);
        assert_eq!(Chosen { step: 2, ..chosen.clone() }.reached(), 2);
        assert_eq!(Chosen { step: 0, ..chosen.clone() }.reached(), 1);
        let all = Chosen {
            environment: "preview".to_owned(),
            provider: "PA-1".to_owned(),
            marketplace: "MP-1".to_owned(),
            ..chosen
        };
        assert_eq!(all.reached(), 6);
        assert_eq!(all.address(4), "/files/new?step=4&product=PRD-1&environment=preview");
    }
}
