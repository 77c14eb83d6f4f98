//! The pages, one file each.

pub(crate) mod accounts;
pub(crate) mod actions;
pub(crate) mod bulk;
pub(crate) mod catalog;
pub(crate) mod changes;
pub(crate) mod charts;
pub(crate) mod check;
pub(crate) mod download;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod help;
pub(crate) mod items;
pub(crate) mod new;
pub(crate) mod operator;
pub(crate) mod products;
pub(crate) mod record;
pub(crate) mod records;
pub(crate) mod rules;
pub(crate) mod sessions;
pub(crate) mod signin;
pub(crate) mod start;
pub(crate) mod statement;
pub(crate) mod usage;
pub(crate) mod views;
