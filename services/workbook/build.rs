//! Turns `schemas/columns.json` into the constants of `columns.rs`: one table for whoever reads or writes a workbook, and
//! a mistake in it is a build that fails.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;

const SCHEMAS: [&str; 4] = ["QT", "PR", "CR", "TR"];

fn main() -> Result<(), Box<dyn Error>> {
    let source = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../schemas/columns.json");
    println!("cargo::rerun-if-changed={}", source.display());
    let file: Value = serde_json::from_str(&fs::read_to_string(&source)?)?;
    let tables = file.get("tables").and_then(Value::as_object).ok_or("columns.json has no tables")?;
    let mut code = String::new();
    for (name, table) in tables {
        let columns = table.get("columns").and_then(Value::as_array).ok_or_else(|| format!("{name} has no columns"))?;
        writeln!(code, "/// {}", text(table, "description")?)?;
        writeln!(code, "pub const {}: [Column; {}] = [", name.to_uppercase(), columns.len())?;
        for column in columns {
            code.push_str(&constant(column)?);
        }
        code.push_str("];\n\n");
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("columns.rs"), code)?;
    Ok(())
}

fn constant(column: &Value) -> Result<String, Box<dyn Error>> {
    let width = column.get("width").and_then(Value::as_u64).ok_or("a column has no width")?;
    let kind = match text(column, "kind")? {
        "text" => "Text",
        "decimal" => "Decimal",
        "time" => "Instant",
        "item criteria" => "ItemCriteria",
        "subscription criteria" => "SubscriptionCriteria",
        "tier" => "Tier",
        "precision" => "Precision",
        other => return Err(format!("{other} is no kind of value").into()),
    };
    let required = column.get("required").unwrap_or(&Value::Null);
    let requirements: Result<Vec<_>, String> = SCHEMAS.iter().map(|schema| requirement(required, schema)).collect();
    let fill_in = column.get("fill_in").and_then(Value::as_str).unwrap_or("");
    Ok(format!(
        "    Column {{ name: {:?}, requirements: [{}], kind: ValueKind::{kind}, definition: {:?}, accepted: {:?}, \
         fill_in: {fill_in:?}, example: {:?}, width: {width} }},\n",
        text(column, "name")?,
        requirements?.join(", "),
        text(column, "definition")?,
        text(column, "accepted")?,
        text(column, "example")?,
    ))
}

/// One word for all schemas, one for each, or none for a column that we fill.
fn requirement(required: &Value, schema: &str) -> Result<String, String> {
    let word = required.as_str().or_else(|| required.get(schema).and_then(Value::as_str));
    let variant = match word {
        Some("required") => "Required",
        Some("required unless dynamic") => "RequiredUnlessDynamic",
        Some("optional") => "Optional",
        Some("dynamic only") => "DynamicOnly",
        Some("ignored") => "Ignored",
        None if required.is_null() => "Ignored",
        other => return Err(format!("{other:?} is no requirement of {schema}")),
    };
    Ok(format!("Requirement::{variant}"))
}

fn text<'a>(of: &'a Value, field: &str) -> Result<&'a str, String> {
    of.get(field).and_then(Value::as_str).ok_or_else(|| format!("{field} is missing in {of}"))
}
