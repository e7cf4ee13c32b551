//! Round trips over pseudo-random inputs: the same ones in every run, and a failure names its seed.

mod properties;

use carpus_gatt::VALUE_LEN_MAX;
use carpus_gatt::device_information::{PnpId, SystemId, decode_string, encode_string};
use carpus_gatt::heart_rate::{Contact, Measurement, RrInterval, RrIntervals};

const SEEDS: std::ops::Range<u64> = 0..20_000;

/// SplitMix64 (Steele, Lea and Flood, 2014): good from any seed, also from 0.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn u16(&mut self) -> u16 {
        self.next() as u16
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Mostly short, as packets are, sometimes up to a little over the longest value.
    fn len(&mut self) -> u64 {
        match self.below(16) {
            0 => self.below(VALUE_LEN_MAX as u64 + 4),
            _ => self.below(24),
        }
    }

    fn contact(&mut self) -> Contact {
        [Contact::Unsupported, Contact::NotDetected, Contact::Detected][self.below(3) as usize]
    }

    fn measurement(&mut self) -> Measurement {
        // Half of the rates fit in one octet; up to 253 intervals fit beside any of the other fields.
        let bpm = if self.below(2) == 0 { self.u16() & 0xFF } else { self.u16() };
        let rr_count = if self.below(8) == 0 { self.below(254) } else { self.below(10) };
        Measurement {
            bpm,
            contact: self.contact(),
            energy_expended_kj: (self.below(2) == 0).then(|| self.u16()),
            rr: (0..rr_count).map(|_| RrInterval::from_raw(self.u16())).collect(),
        }
    }

    fn text(&mut self) -> String {
        let len = self.below(VALUE_LEN_MAX as u64 / 4);
        (0..len).filter_map(|_| char::from_u32(self.below(0x11_0000) as u32)).collect()
    }
}

#[test]
fn measurements_survive_encoding() {
    for seed in SEEDS {
        let measurement = Random(seed).measurement();
        let value = measurement.encode();
        assert!(value.len() <= VALUE_LEN_MAX, "seed {seed}");
        assert_eq!(Measurement::decode(&value), Ok(measurement), "seed {seed}");
    }
}

#[test]
fn a_measurement_cut_short_never_passes_for_the_whole() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let measurement = random.measurement();
        let value = measurement.encode();
        let cut = random.below(value.len() as u64) as usize;
        assert_ne!(Measurement::decode(&value[..cut]), Ok(measurement), "seed {seed}, cut at {cut}");
    }
}

#[test]
fn intervals_survive_slices_and_iterators() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let count = random.below(300);
        let raw: Vec<RrInterval> = (0..count).map(|_| RrInterval::from_raw(random.u16())).collect();

        let newest = &raw[raw.len().saturating_sub(RrIntervals::CAPACITY)..];
        let collected: RrIntervals = raw.iter().copied().collect();
        assert_eq!(&*collected, newest, "seed {seed}");
        let converted = RrIntervals::try_from(raw.as_slice());
        assert_eq!(converted.is_ok(), raw.len() <= RrIntervals::CAPACITY, "seed {seed}");
        if let Ok(converted) = converted {
            assert_eq!(converted, collected, "seed {seed}");
        }
    }
}

#[test]
fn device_information_survives_encoding() {
    for seed in SEEDS {
        let mut random = Random(seed);
        let system_id = SystemId::from_eui64(random.next());
        assert_eq!(SystemId::decode(&system_id.encode()), Ok(system_id), "seed {seed}");

        let pnp_id = PnpId {
            vendor_id_source: (random.next() as u8).into(),
            vendor_id: random.u16(),
            product_id: random.u16(),
            product_version: random.u16(),
        };
        assert_eq!(PnpId::decode(&pnp_id.encode()), Ok(pnp_id), "seed {seed}");

        let text = random.text();
        let expected = text.trim_end_matches('\0');
        assert_eq!(decode_string(encode_string(&text)).as_deref(), Ok(expected), "seed {seed}");
    }
}

#[test]
fn random_bytes_hold_every_property() {
    for (target, property) in properties::ALL {
        let mut decoded = 0;
        for seed in SEEDS {
            let mut random = Random(seed);
            // The short lengths that the characteristics have, and any length.
            let len = if seed % 2 == 0 { 1 + random.below(9) } else { random.len() };
            let value = random.bytes(len);
            let outcome = std::panic::catch_unwind(|| property(&value));
            let outcome = outcome.unwrap_or_else(|_| panic!("{target} fails with seed {seed}: {value:02X?}"));
            decoded += u32::from(outcome);
        }
        assert!(decoded > 0, "{target}: no input decoded, so the round trip was never tried");
    }
}
