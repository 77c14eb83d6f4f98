//! Conditions see files and records straight from the fold, and what they see is what the API shows.

use ledger::catalog::{Environment, Schema};
use ledger::fact::{FileCreated, Period};
use ledger::{Fact, Moment, Named};
use rql::objects::{FileObject, RecordObject};
use rql::{FILES, Field, Kind, RECORDS, Scalar, Subject};
use serde_json::Value;

use super::objects::checked;
use super::records::{accepted, check, read};
use super::world::{PROVIDER, VENDOR, World, created, file, named};
use crate::records::FileView;

/// What is at a path, as texts.
fn values(subject: &dyn Subject, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    subject.visit(path, &mut |value| {
        found.push(match value {
            Scalar::Text(text) => text.to_owned(),
            Scalar::Time(at) => at.iso(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Flag(flag) => flag.to_string(),
            Scalar::Part => "a part".to_owned(),
        });
        false
    });
    found
}

/// Every filter of a list has the same values in both; gives how many it has.
fn same(fields: &[Field], ours: &dyn Subject, shown: &Value) -> usize {
    let filters = fields.iter().filter(|field| field.kind != Kind::Block);
    let counts = filters.map(|field| {
        let seen = values(ours, field.path);
        assert_eq!(seen, values(shown, field.path), "{} of {shown}", field.name);
        usize::from(!seen.is_empty())
    });
    counts.sum()
}

#[tokio::test]
async fn a_file_has_the_values_that_are_shown() {
    let mut world = World::new();
    let nameless = |id: &str| Named { name: String::new(), ..named(id) };
    let empty = FileCreated {
        name: String::new(),
        external_id: String::new(),
        schema: Schema::Tr,
        contract: nameless("CRD-1"),
        product: nameless("PRD-1"),
        provider: nameless("PA-1"),
        predictive: true,
        ..created(Environment::Test)
    };
    let period = Some(Period { from: Moment(0), to: Moment(Moment::DAY) });
    let full = FileCreated { period, currency: Some("USD".to_owned()), ..created(Environment::Production) };
    for (count, created) in [empty, full].into_iter().enumerate() {
        let uf = file(u32::try_from(count).unwrap());
        world.say(uf, "SU-1", Fact::FileCreated(Box::new(created))).await;
    }
    checked(&mut world, file(1)).await;
    let shown = world.get(VENDOR, "usage/files").await.json();
    let ledger = world.gateway.projection.read();
    for (count, filled) in [(0, 18), (1, 22)] {
        let uf = file(count);
        let object = FileObject::new(uf, ledger.file(uf).unwrap()).unwrap();
        assert_eq!(same(FILES, &object, &shown[count as usize]), filled);
        for path in ["description", "note", "currency", "predictive", "period.from", "period.to", "stats.validated"] {
            let at = |path: &str| values(&shown[count as usize], path);
            // A count of none and what is false are left out of the answer, and a rule may still compare them.
            let left_out = match path {
                "stats.validated" => vec!["0".to_owned()],
                "predictive" => vec!["false".to_owned()],
                _ => vec![],
            };
            let shown = at(path);
            assert_eq!(values(&object, path), if shown.is_empty() { left_out } else { shown }, "{path}");
        }
    }
}

#[tokio::test]
async fn a_record_has_the_values_that_are_shown() {
    for wrong in [None, Some(4)] {
        let mut world = World::new();
        let uf = file(0);
        if wrong.is_none() {
            accepted(&mut world, uf).await;
        } else {
            let parts = read(&mut world, uf).await;
            check(&mut world, uf, &parts, wrong).await;
        }
        let side = if wrong.is_none() { PROVIDER } else { VENDOR };
        let shown = world.get(side, "usage/records").await.json();
        let shown = shown.as_array().unwrap();
        assert!(!shown.is_empty());
        let view = FileView::of(uf, world.gateway.projection.read().file(uf).unwrap()).unwrap();
        let mut at = 0;
        for (read, checked) in view.read.iter().zip(&view.checked) {
            let (read, _) = world.gateway.records.read(uf, read.sequence).unwrap();
            let checked = world.gateway.records.checked(uf, checked.sequence).unwrap();
            for index in 0..read.rows.len() {
                let object = RecordObject { read: Some(&read), ..view.object(Some(&checked), index) };
                let is_wrong = wrong == object.row();
                assert_eq!(same(RECORDS, &object, &shown[at]), if is_wrong { 19 } else { 20 });
                for path in ["usage", "amount", "tier", "category.id", "item.mpn"] {
                    assert_eq!(values(&object, path), values(&shown[at], path), "{path}");
                }
                let region = values(&shown[at], "params.parameter_value");
                assert_eq!(values(&object, "params.Region"), region);
                assert_eq!(values(&object, "params.region"), Vec::<String>::new());
                at += 1;
            }
        }
        assert_eq!(at, shown.len());
    }
}
