//! An `AsyncFnMut` that borrows can be awaited where it stands, and not be spawned.

use std::io;

use tokio::net::TcpStream;
use tokio::task::JoinHandle;

// ANCHOR: spawned_borrower
async fn twice<T, F>(mut operation: F) -> io::Result<T>
where
    F: AsyncFnMut(u32) -> io::Result<T>,
{
    match operation(1).await {
        Ok(answer) => Ok(answer),
        Err(_) => operation(2).await,
    }
}

fn connect_twice(address: String) -> JoinHandle<io::Result<TcpStream>> {
    tokio::spawn(async move {
        // `async move |_|` would compile: the closure owns `address`, and lends it.
        twice(async |_| TcpStream::connect(&address).await).await
    })
}
// ANCHOR_END: spawned_borrower

fn main() {
    drop(connect_twice("127.0.0.1:0".into()));
}
