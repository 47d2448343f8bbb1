//! See `fuzz::witness_talk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::witness_talk::check(data));
