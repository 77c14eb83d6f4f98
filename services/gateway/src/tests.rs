//! The API as clients see it, over logs that hold what services would have said.

mod aggregates;
mod dry_run;
mod edge;
mod faults;
mod files;
mod index;
mod objects;
mod openapi;
mod records;
mod rules;
mod subjects;
mod world;
