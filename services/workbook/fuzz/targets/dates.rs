//! Serials, ISO texts and typed times.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workbook_fuzz::check("dates", data));
