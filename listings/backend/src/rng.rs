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
mod tests;
