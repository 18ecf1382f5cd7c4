use compio::BufResult;
use compio::net::TcpStream;
use compio::runtime::Runtime;
use compio::time::sleep;
use runtime_comparison::io_uring::read_or_stop;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// Counts the bytes of all orders. Every 50 µs it does other work.
async fn receive(mut orders: TcpStream) -> io::Result<usize> {
    let (mut buffer, mut received) = (Vec::with_capacity(64), 0);
    loop {
        let stop = sleep(Duration::from_micros(50));
        let read;
        BufResult(read, buffer) = read_or_stop(&mut orders, buffer, stop).await;
        match read? {
            Some(0) => return Ok(received), // the client has closed
            Some(bytes) => received += bytes,
            None => {} // a real server does other work here
        }
    }
}

pub(crate) fn main() -> io::Result<()> {
    let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    let mut client = std::net::TcpStream::connect(server.local_addr()?)?;
    thread::spawn(move || {
        for _ in 0..1_000 {
            thread::sleep(Duration::from_micros(50));
            client.write_all(b"tea;")?;
        }
        io::Result::Ok(())
    });
    let (orders, _) = server.accept()?;
    let received = Runtime::new()?
        .block_on(async { receive(TcpStream::from_std(orders)?).await })?;
    println!("received {received} of 4000 bytes");
    Ok(())
}
