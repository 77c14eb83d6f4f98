//! Rows of a sheet, a whole sheet part, shared strings.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workbook_fuzz::check("rows", data));
