//! What the contract promises: frozen bytes, every value back as it was, an error for everything else.

mod damage;
mod golden;
mod limits;
mod round_trip;
