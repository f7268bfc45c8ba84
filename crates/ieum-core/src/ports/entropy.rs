//! The entropy port: the only source of randomness.

/// Gives random bits: the operating system's in production, a seeded generator under test.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Sixty-four uniformly distributed bits.
    fn next_u64(&self) -> u64;

    /// Sixteen uniformly distributed bytes.
    fn next_16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (low, high) = bytes.split_at_mut(8);
        low.copy_from_slice(&self.next_u64().to_le_bytes());
        high.copy_from_slice(&self.next_u64().to_le_bytes());
        bytes
    }

    /// A uniformly distributed number in `0..bound`; zero when `bound` is zero.
    fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}
