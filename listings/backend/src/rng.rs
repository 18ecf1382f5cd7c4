//! A generator without chance.
//!
//! Support: no page shows this file.

use std::convert::Infallible;

use rand::TryRng;

/// Draws the largest number every time: a retry with it always waits the longest, so that its times are
/// known, and all clients that fail together come back together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Longest;

impl TryRng for Longest {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::MAX)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::MAX)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(u8::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt};

    #[test]
    fn it_draws_the_end_of_each_range() {
        for end in [0, 1, 2, 3, 7, 100, 1 << 40, u64::MAX - 1, u64::MAX] {
            assert_eq!(Longest.random_range(0..=end), end);
        }
        assert_eq!(Longest.random_range(3..=9_u32), 9);
        let mut bytes = [0; 3];
        Longest.fill_bytes(&mut bytes);
        assert_eq!(bytes, [u8::MAX; 3]);
    }
}
