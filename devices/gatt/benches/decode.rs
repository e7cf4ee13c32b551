//! What a heartbeat costs: decoding the packet that a chest strap sends about once a second. The allocation
//! columns must stay empty for decoding; encoding, which allocates its value, shows that they count.

use carpus_gatt::heart_rate::Measurement;
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

/// 72 bpm, contact, three RR intervals.
const PACKET: [u8; 8] = [0x16, 0x48, 0x55, 0x03, 0x40, 0x03, 0x4A, 0x03];

fn main() {
    divan::main();
}

#[divan::bench]
fn decode_measurement_with_3_rr() -> Measurement {
    Measurement::decode(black_box(&PACKET)).expect("the packet is well-formed")
}

#[divan::bench]
fn decode_measurement_with_255_rr(bencher: Bencher) {
    let mut value = vec![0x10, 0x48];
    value.extend((1..=255_u16).flat_map(u16::to_le_bytes));
    bencher.bench_local(|| Measurement::decode(black_box(&value)).is_ok());
}

#[divan::bench]
fn refuse_measurement_with_half_an_rr() -> bool {
    Measurement::decode(black_box(&PACKET[..7])).is_err()
}

#[divan::bench]
fn encode_measurement_with_3_rr(bencher: Bencher) {
    let measurement = Measurement::decode(&PACKET).expect("the packet is well-formed");
    bencher.bench_local(|| black_box(&measurement).encode());
}
