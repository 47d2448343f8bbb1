//! See `fuzz::cloudevent_headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::cloudevent_headers::check(data));
