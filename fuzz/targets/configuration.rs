#![no_main]

use bmauth::fuzzing;

libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzzing::configuration(input));
