//! `?` after `try_join!` comes too late: its branches must agree on one error type before.

use std::io;
use std::num::ParseIntError;

#[derive(Debug)]
enum LoadError {
    Settings(io::Error),
    Price(ParseIntError),
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Settings(error)
    }
}

impl From<ParseIntError> for LoadError {
    fn from(error: ParseIntError) -> Self {
        Self::Price(error)
    }
}

// Two calls that fail in different ways.
async fn settings() -> Result<String, io::Error> {
    tokio::fs::read_to_string("settings").await
}

async fn price() -> Result<u32, ParseIntError> {
    "3".parse()
}

async fn load() -> Result<(String, u32), LoadError> {
    // ANCHOR: two_error_types
    Ok(tokio::try_join!(settings(), price())?)
    // ANCHOR_END: two_error_types
}

fn main() {
    drop(load());
}
