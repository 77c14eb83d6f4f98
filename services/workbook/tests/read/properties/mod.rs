//! What must hold for any input, as functions that a fuzzer drives (`services/workbook/fuzz`). The committed corpus
//! goes through the same functions in the ordinary suite, see `replay`.

mod dates;
mod numbers;
mod package;
mod rows;

pub(crate) use dates::dates;
pub(crate) use numbers::numbers;
pub(crate) use package::package;
pub(crate) use rows::rows;

/// Panics where it doesn't hold.
pub(crate) type Property = fn(&[u8]);

/// Every property by the name of its fuzz target.
pub(crate) const ALL: [(&str, Property); 4] =
    [("rows", rows), ("package", package), ("numbers", numbers), ("dates", dates)];
