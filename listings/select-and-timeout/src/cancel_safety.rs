//! What is lost if an await is dropped, and how to keep it.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::interval;

// ANCHOR: read_log
/// Passes each line of `input` to `on_line`, until `input` ends.
///
/// Beside it, calls `on_tick` at once, and then once every `period`.
///
/// # Errors
/// What reading gives; also if the input is not UTF-8.
///
/// # Panics
/// If `period` is zero, or outside of a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, `input` goes with it. Each line that came whole was passed on.
pub async fn read_log(
    input: impl AsyncBufRead + Unpin,
    period: Duration,
    mut on_line: impl FnMut(&str),
    mut on_tick: impl FnMut(),
) -> io::Result<()> {
    let mut ticks = interval(period);
    // ANCHOR: lines
    let mut lines = input.lines(); // keeps half a line from round to round
    loop {
        select! {
            line = lines.next_line() => match line? {
                Some(line) => on_line(&line),
                None => return Ok(()),
            },
            _ = ticks.tick() => on_tick(),
        }
    }
    // ANCHOR_END: lines
}
// ANCHOR_END: read_log

// ANCHOR: weighing
/// Weighs the parcels of a channel, one after another.
#[derive(Debug)]
pub struct Weighing {
    parcels: mpsc::Receiver<String>,
    on_scale: Option<String>,
}

impl Weighing {
    /// Begins with an empty scale.
    pub fn new(parcels: mpsc::Receiver<String>) -> Self {
        Self { parcels, on_scale: None }
    }

    /// The next parcel, and its weight in grams. `None` if the channel has ended.
    ///
    /// # Cancel safety
    /// If you drop this, no parcel is lost. One may stay on the scale: then the next
    /// call weighs this parcel again.
    pub async fn next<Fut>(
        &mut self,
        weigh: impl FnOnce(String) -> Fut,
    ) -> Option<(String, u32)>
    where
        Fut: Future<Output = u32>,
    {
        // ANCHOR: on_the_scale
        if self.on_scale.is_none() {
            self.on_scale = Some(self.parcels.recv().await?);
        }
        let parcel = self.on_scale.clone()?; // a drop at the next await leaves it there
        let grams = weigh(parcel).await;
        self.on_scale.take().map(|parcel| (parcel, grams))
        // ANCHOR_END: on_the_scale
    }
}
// ANCHOR_END: weighing

// ANCHOR: record
/// Reads records of four bytes, which may come in pieces.
#[derive(Debug, Default)]
pub struct Records {
    bytes: [u8; 4],
    filled: usize,
}

impl Records {
    /// The next record of `input`.
    ///
    /// # Errors
    /// What reading gives, and `UnexpectedEof` if the input ends within a record.
    ///
    /// # Cancel safety
    /// If you drop this, no byte is lost. Call it again with the same input.
    pub async fn next(
        &mut self,
        input: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<[u8; 4]> {
        while self.filled < self.bytes.len() {
            let count = input.read(&mut self.bytes[self.filled..]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.filled += count; // no await stands between the read and this line
        }
        self.filled = 0;
        Ok(self.bytes)
    }
}
// ANCHOR_END: record

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: each tick drops a line that is half read.
    ///
    /// # Errors
    /// What reading gives; also if the input is not UTF-8.
    pub async fn read_log(
        mut input: impl AsyncBufRead + Unpin,
        period: Duration,
        mut on_line: impl FnMut(&str),
        mut on_tick: impl FnMut(),
    ) -> io::Result<()> {
        let mut ticks = interval(period);
        // ANCHOR: read_line
        let mut line = String::new();
        loop {
            select! {
                count = input.read_line(&mut line) => match count? {
                    1.. => on_line(line.trim_end()),
                    0 => return Ok(()),
                },
                _ = ticks.tick() => on_tick(),
            }
            line.clear();
        }
        // ANCHOR_END: read_line
    }

    /// Wrong: if you drop it at the second await, the parcel is gone.
    pub async fn next<Fut>(
        parcels: &mut mpsc::Receiver<String>,
        weigh: impl FnOnce(String) -> Fut,
    ) -> Option<(String, u32)>
    where
        Fut: Future<Output = u32>,
    {
        // ANCHOR: in_a_variable
        let parcel = parcels.recv().await?;
        let grams = weigh(parcel.clone()).await;
        Some((parcel, grams))
        // ANCHOR_END: in_a_variable
    }
}

#[cfg(test)]
mod tests;
