//! A `?` in a task, and behind one.

use std::io;

#[derive(Debug)]
enum ReadError {
    File(io::Error),
}

async fn read() -> Result<(), ReadError> {
    let task = tokio::spawn(async {
        let text = tokio::fs::read_to_string("orders").await?;
        println!("{text}");
    });
    task.await?;
    Err(ReadError::File(io::Error::other("closed")))
}

fn main() {
    drop(read());
}
