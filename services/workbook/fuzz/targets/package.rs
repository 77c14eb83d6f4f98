//! The zip container.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workbook_fuzz::check("package", data));
