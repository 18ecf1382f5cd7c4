use std::io;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) fn main() -> io::Result<()> {
    let runtime = Runtime::new()?;
    let handle = runtime.handle().clone();
    drop(runtime); // the shop is closed, but something still has the handle

    let receipt = handle.spawn(async { println!("the receipt is sent") });
    if let Err(error) = handle.block_on(receipt) {
        println!("a task: cancelled = {}", error.is_cancelled());
    }
    println!("a future without timers: {}", handle.block_on(async { 1 + 1 }));
    match handle.block_on(TcpListener::bind("127.0.0.1:0")) {
        Ok(_) => println!("a socket: it works"),
        Err(error) => println!("a socket: {error}"),
    }
    Ok(())
}
