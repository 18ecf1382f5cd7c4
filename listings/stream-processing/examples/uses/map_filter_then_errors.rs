use std::future::{Ready, ready};

use super::shown::map_filter_then::looked_up;
use futures::stream::{self, StreamExt, TryStreamExt};
use thiserror::Error;

// ANCHOR: failed
/// Why there is no name.
#[derive(Clone, Debug, Error)]
enum Failed {
    #[error("line {0} is broken")]
    BrokenLine(u32),
    #[error("nothing has the number {0}")]
    UnknownNumber(i64),
}

/// In your program: asks a server.
fn name(number: i64) -> Ready<Result<String, Failed>> {
    ready(match number {
        7 => Err(Failed::UnknownNumber(7)),
        _ => Ok(format!("tea no. {number}")),
    })
}
// ANCHOR_END: failed

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: lines
    let lines = [Ok(1), Err(Failed::BrokenLine(2)), Ok(-1), Ok(7), Ok(4)];
    let names = looked_up(stream::iter(lines.clone()), name);
    for answer in names.collect::<Vec<_>>().await {
        println!("{answer:?}");
    }

    let until_an_error = looked_up(stream::iter(lines), name);
    println!("{:?}", until_an_error.try_collect::<Vec<_>>().await);
    // ANCHOR_END: lines
}
