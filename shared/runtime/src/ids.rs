//! Ids and randomness as a port.

use ulid::Ulid;

/// Where ids and randomness come from. Tests put a seeded generator in its place.
pub trait IdGenerator: Send + Sync + 'static {
    /// A new id, sortable by time of creation: `prefix` + `_` + ULID, for example `evt_01JD2V7Q...`.
    fn new_id(&self, prefix: &str) -> String;

    /// A number from 0 (inclusive) to 1 (exclusive), for jitter.
    fn fraction(&self) -> f64;
}

/// Ids from the machine's clock and random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdGenerator for SystemIds {
    fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", Ulid::generate())
    }

    fn fraction(&self) -> f64 {
        // 53 bits: what an f64 can hold without rounding up to 1.
        (Ulid::generate().random() & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_prefix_and_a_ulid() {
        let id = SystemIds.new_id("evt");
        assert_eq!(id.len(), 4 + 26, "{id}");
        assert!(id.starts_with("evt_"), "{id}");
    }

    #[test]
    fn a_fraction_is_below_one() {
        for _ in 0..1000 {
            let fraction = SystemIds.fraction();
            assert!((0.0..1.0).contains(&fraction), "{fraction}");
        }
    }
}
