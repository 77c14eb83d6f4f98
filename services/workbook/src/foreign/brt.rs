//! The records of an XLSB sheet, looked over before calamine reads it: it passes over kinds of cells that it doesn't
//! know, and with them over their values.

use std::io::{BufReader, ErrorKind, Read};

use crate::read::limits::ROW_BYTES_MAX;
use crate::read::package::Package;
use crate::read::{ReadError, quote};

use super::ForeignError;

/// Parts that may be sheets.
const SHEETS: &str = "xl/worksheets/";
const LINKS: &str = "xl/worksheets/_rels/";
const BEGIN_DATA: u32 = 0x91;
const END_DATA: u32 = 0x92;
/// Bytes that a cell of each kind has at least, from 0: a row's head, a blank, and the kinds with values.
const BYTES_MIN: [u32; 12] = [4, 8, 12, 9, 9, 16, 12, 12, 12, 16, 9, 9];
/// A formula whose value is an error.
const FORMULA_ERROR: u32 = 11;
/// Cells without their column, and a cell of rich text: what some libraries write and calamine doesn't read.
const UNREAD: [u32; 8] = [12, 13, 14, 15, 16, 17, 18, 62];

/// Looks all sheets over; says whether a formula's value is an error.
pub(super) fn look<R: Read + std::io::Seek>(package: &mut Package<R>, bytes_max: u64) -> Result<bool, ReadError> {
    let mut errors = false;
    for name in package.names() {
        if !name.starts_with(SHEETS) || name.starts_with(LINKS) {
            continue;
        }
        if let Some(part) = package.part(&name, bytes_max)? {
            errors |= look_at_sheet(&name, BufReader::new(part))?;
        }
    }
    Ok(errors)
}

fn look_at_sheet(name: &str, mut records: impl Read) -> Result<bool, ReadError> {
    let (mut in_data, mut errors) = (false, false);
    loop {
        let Some((kind, length)) = header(&mut records).map_err(|detail| damaged(name, detail))? else {
            return Ok(errors);
        };
        if u64::from(length) > ROW_BYTES_MAX {
            return Err(ReadError::Endless { part: quote(name) });
        }
        let passed = std::io::copy(&mut records.by_ref().take(u64::from(length)), &mut std::io::sink());
        if passed.ok() != Some(u64::from(length)) {
            return Err(damaged(name, "a record is cut"));
        }
        let least = BYTES_MIN.get(kind as usize).filter(|_| in_data);
        if least.is_some_and(|least| length < *least) {
            return Err(damaged(name, "a cell is too short"));
        }
        match kind {
            BEGIN_DATA => in_data = true,
            END_DATA => in_data = false,
            FORMULA_ERROR => errors |= in_data,
            kind if in_data && UNREAD.contains(&kind) => {
                let sentence = "the .xlsb workbook has cells of a kind that only some programs write; \
                                save it as .xlsx and upload it again";
                return Err(ForeignError::Told(sentence.to_owned()).into());
            }
            _ => {}
        }
    }
}

fn damaged(name: &str, detail: &str) -> ReadError {
    ReadError::Damaged { part: quote(name), detail: detail.to_owned() }
}

/// Kind and length of the next record; none at the end.
fn header(records: &mut impl Read) -> Result<Option<(u32, u32)>, &'static str> {
    const KIND_BYTES: u32 = 2;
    const LENGTH_BYTES: u32 = 4;
    let Some(kind) = number(records, KIND_BYTES)? else { return Ok(None) };
    let length = number(records, LENGTH_BYTES)?.ok_or("a record is cut")?;
    Ok(Some((kind, length)))
}

/// A number of seven bits a byte, the lowest first; none at the end. A kind keeps the bits that say that it goes on.
fn number(records: &mut impl Read, bytes_max: u32) -> Result<Option<u32>, &'static str> {
    let mut sum = 0_u32;
    for place in 0..bytes_max {
        let mut byte = [0];
        match records.read_exact(&mut byte) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && place == 0 => return Ok(None),
            Err(_) => return Err("a record is cut"),
        }
        sum |= u32::from(byte[0] & 0x7F) << (7 * place);
        if byte[0] < 0x80 {
            return Ok(Some(sum));
        }
    }
    Ok(Some(sum))
}
