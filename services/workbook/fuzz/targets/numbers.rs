//! Texts of numbers.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workbook_fuzz::check("numbers", data));
