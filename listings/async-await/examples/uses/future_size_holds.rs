use async_await::future_size::timed;
use std::future::Future; // only edition 2021 needs this line
use std::mem::size_of_val;
use tokio::join;
use tokio::task::yield_now;

/// Holds an array of 4 KiB while it waits.
async fn read() -> u8 {
    let mut buffer = [0; 4096];
    buffer.fill(1);
    yield_now().await; // in your program: a wait for the rest of the data
    buffer[0]
}

fn print<F: Future>(future: &F, what: &str) {
    println!("{:3} KiB: {what}", size_of_val(future) / 1024);
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    print(&read(), "read()");
    print(&async { read().await + read().await }, "one after another");
    print(&async { join!(read(), read()) }, "join!");
    print(&timed(read()), "timed(read())");
    print(&timed(timed(read())), "timed(timed(read()))");
    print(&Box::pin(read()), "Box::pin(read())");
}
