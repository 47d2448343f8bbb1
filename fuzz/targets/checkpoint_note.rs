//! See `fuzz::checkpoint_note`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::checkpoint_note::check(data));
