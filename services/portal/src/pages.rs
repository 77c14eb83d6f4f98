//! The pages, one file each.

pub(crate) mod actions;
pub(crate) mod download;
pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod new;
pub(crate) mod record;
pub(crate) mod records;
pub(crate) mod signin;
pub(crate) mod start;
