//! Extraction as tables: what an accepted file becomes, what closes its records, and who may.

mod closing;
mod dividing;
mod exempt;
mod promise;
mod reconciling;
mod refusals;
mod world;
