//! The function that libFuzzer calls with every input.

use std::alloc::System;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluicegate_core::testing::FuzzTarget;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a target may allocate for each byte of its input, in all: inputs are decoded several times, byte by byte too, and
/// what was read is written again. Work that grows faster than its input shows as well.
const PER_BYTE: usize = 4 << 10;

/// The target that the environment names. libFuzzer reads the arguments.
static TARGET: LazyLock<FuzzTarget> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let mut all = sluicegate_core::fuzzing::TARGETS.iter().chain(sluicegate_quic::fuzzing::TARGETS);
    let target = all.find(|target| target.name == name);
    *target.unwrap_or_else(|| panic!("FUZZ_TARGET={name:?} is no target"))
});

fuzz_target!(|input: &[u8]| {
    let region = Region::new(ALLOCATOR);
    (TARGET.run)(input);
    let allocated = region.change().bytes_allocated;
    let most = TARGET.room + PER_BYTE * input.len();
    assert!(allocated <= most, "{allocated} bytes were allocated for {} of input", input.len());
});
