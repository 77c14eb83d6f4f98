//! `usage-ledger product …` and `usage-ledger item …`: a vendor's own catalog, from a shell.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::CliError;
use super::server::ServerArgs;

const PRODUCT_EXAMPLES: &str = "\
A member is named with dots, and its value is JSON or a text. What is not named stays as it is.

Examples:
  usage-ledger product show PRD-…
  usage-ledger product set PRD-… capabilities.ppu.dynamic=true
  usage-ledger product set PRD-… capabilities.ppu.schema=PR name='Nimbus Compute'
  usage-ledger product set PRD-… capabilities.ppu=null            no metered usage any more";

const ITEM_EXAMPLES: &str = "\
A member is named with dots, and its value is JSON or a text. An item is published unless status=draft is given; the
type, precision and unit of a published one stay as they are.

Examples:
  usage-ledger item list PRD-…
  usage-ledger item add PRD-… name=Disk mpn=AP-DISK type=ppu unit=GB precision='decimal(2)'
  usage-ledger item set PRD-… PRD-…-0024 status=endofsale";

/// Arguments of `product`.
#[derive(Args, Debug)]
#[command(after_help = PRODUCT_EXAMPLES)]
pub(super) struct ProductArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: ProductCommand,
}

#[derive(Debug, Subcommand)]
enum ProductCommand {
    /// Show it as JSON.
    Show {
        /// The product (PRD-…).
        product: String,
    },
    /// Change members of it (vendor).
    Set {
        /// The product (PRD-…).
        product: String,
        /// What changes: capabilities.ppu.dynamic=true.
        #[arg(required = true, value_name = "MEMBER=VALUE")]
        members: Vec<String>,
    },
}

/// Arguments of `item`.
#[derive(Args, Debug)]
#[command(after_help = ITEM_EXAMPLES)]
pub(super) struct ItemArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: ItemCommand,
}

#[derive(Debug, Subcommand)]
enum ItemCommand {
    /// List the items of a product.
    List {
        /// The product (PRD-…).
        product: String,
    },
    /// Make an item (vendor).
    Add {
        /// The product (PRD-…).
        product: String,
        /// What it is: name=Disk mpn=AP-DISK type=ppu unit=GB.
        #[arg(required = true, value_name = "MEMBER=VALUE")]
        members: Vec<String>,
    },
    /// Change members of an item (vendor).
    Set {
        /// The product (PRD-…).
        product: String,
        /// The item (PRD-…-0001).
        item: String,
        /// What changes: status=endofsale.
        #[arg(required = true, value_name = "MEMBER=VALUE")]
        members: Vec<String>,
    },
}

/// Runs a `product` command.
pub(super) fn run_product(args: &ProductArgs) -> Result<u8, CliError> {
    let client = args.server.client()?;
    match &args.command {
        ProductCommand::Show { product } => println!("{:#}", client.get(&format!("products/{product}"))?),
        ProductCommand::Set { product, members } => {
            let shown = client.put(&format!("products/{product}"), &object(members)?)?;
            if args.server.json {
                println!("{shown:#}");
            } else {
                println!("{product} is changed: {}", shown.get("capabilities").unwrap_or(&Value::Null));
            }
        }
    }
    Ok(0)
}

/// Runs an `item` command.
pub(super) fn run_item(args: &ItemArgs) -> Result<u8, CliError> {
    let client = args.server.client()?;
    let shown = match &args.command {
        ItemCommand::List { product } => client.get(&format!("products/{product}/items?limit=1000"))?,
        ItemCommand::Add { product, members } => {
            client.post(&format!("products/{product}/items"), &object(members)?)?
        }
        ItemCommand::Set { product, item, members } => {
            client.put(&format!("products/{product}/items/{item}"), &object(members)?)?
        }
    };
    if args.server.json {
        println!("{shown:#}");
        return Ok(0);
    }
    let items = shown.as_array().map_or_else(|| std::slice::from_ref(&shown), Vec::as_slice);
    for item in items {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or("-");
        let [id, mpn, kind] = ["id", "mpn", "type"].map(text);
        println!("{id}  {mpn}  {kind}  {}  {}  {}", text("precision"), text("status"), text("name"));
    }
    Ok(0)
}

/// The object that `a.b=1 c=text` describes.
fn object(members: &[String]) -> Result<Value, CliError> {
    let mut object = json!({});
    for member in members {
        let unreadable = || CliError::Usage(format!("\"{member}\" is no MEMBER=VALUE, such as name=Disk"));
        let (path, value) = member.split_once('=').ok_or_else(unreadable)?;
        // A text needs no quotes of its own, which a shell would eat.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        let (last, parents) = path.rsplit_once('.').map_or((path, None), |(parents, last)| (last, Some(parents)));
        let mut target = &mut object;
        for name in parents.into_iter().flat_map(|parents| parents.split('.')) {
            let members = target.as_object_mut().ok_or_else(unreadable)?;
            target = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
        if last.is_empty() {
            return Err(unreadable());
        }
        target.as_object_mut().ok_or_else(unreadable)?.insert(last.to_owned(), value);
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_become_an_object() {
        let read = |members: &[&str]| {
            let members: Vec<String> = members.iter().map(|member| (*member).to_owned()).collect();
            object(&members).ok()
        };
        for (members, expected) in [
            (&["name=Disk"][..], Some(json!({ "name": "Disk" }))),
            (
                &["a.b.c=true", "a.b.d=decimal(2)", "a.e=null"],
                Some(json!({ "a": { "b": { "c": true, "d": "decimal(2)" }, "e": null } })),
            ),
            (&["n=1.5", "t=a=b", "l=[1,2]", "e="], Some(json!({ "n": 1.5, "t": "a=b", "l": [1, 2], "e": "" }))),
            (&["a=1", "a.b=2"], None),
            (&["name"], None),
            (&["=1"], None),
        ] {
            assert_eq!(read(members), expected, "{members:?}");
        }
    }
}
