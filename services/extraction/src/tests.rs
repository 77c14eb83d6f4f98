//! Extraction as tables: what an accepted file becomes, what closes its records, and who may.

mod closing;
mod dividing;
mod reconciling;
mod refusals;
mod world;
