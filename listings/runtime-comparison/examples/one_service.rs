//! One service on four runtimes: it doubles the numbers that its customers send.

use std::error::Error;
use std::future::{Future, ready};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::num::{NonZeroUsize, ParseIntError};
use std::time::Duration;

use futures::executor::LocalPool;
use futures::future::{BoxFuture, TryFutureExt};
use futures::io::BufReader;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use futures::task::SpawnExt;
use futures::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use runtime_comparison::no_runtime::{
    LineError, TooLate, process_items, read_line, start, within,
};
use smol::Timer;
use tokio::runtime::{LocalRuntime, Runtime};
use tokio::time::sleep;
use tokio_util::compat::TokioAsyncReadCompatExt;

// ANCHOR: main
/// Runs the service on a runtime, and returns how many customers it has served.
type Run = fn(TcpListener) -> io::Result<usize>;

fn main() -> Result<(), Box<dyn Error>> {
    let runtimes: [(&str, Run); 4] = [
        ("Tokio, a thread for each core", tokio_threads),
        ("Tokio, this thread", tokio_local),
        ("smol", smol_global),
        ("futures", futures_pool),
    ];
    for (name, run) in runtimes {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let customers = customers(listener.local_addr()?)?;
        println!("{name}: {} customers served", run(listener)?);
        for mut customer in customers {
            let mut reply = String::new();
            customer.read_to_string(&mut reply)?;
            println!("  {reply}");
        }
    }
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: customers
/// They connect and send before the service runs. The operating system holds the
/// connections and the bytes until the service accepts.
fn customers(address: SocketAddr) -> io::Result<Vec<TcpStream>> {
    let orders = ["1 2 3 4 5\n", "1 two\n", "a wordy order of more than 32 bytes\n"];
    let mut customers = Vec::new();
    for order in orders {
        let mut customer = TcpStream::connect(address)?;
        customer.write_all(order.as_bytes())?;
        customer.shutdown(Shutdown::Write)?;
        customers.push(customer);
    }
    customers.push(TcpStream::connect(address)?); // it stays silent
    Ok(customers)
}
// ANCHOR_END: customers

const CUSTOMERS: usize = 4;
const LIMIT: Duration = Duration::from_millis(50);
const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

// ANCHOR: serve
/// The service. It has two customers at a time, and ends after four.
async fn serve<C, S>(
    customers: impl Stream<Item = io::Result<C>>,
    sleep: impl Fn(Duration) -> S,
    spawn: impl Fn(BoxFuture<'static, ()>),
) -> io::Result<usize>
where
    C: AsyncRead + AsyncWrite,
    S: Future,
{
    let served = process_items(customers.take(CUSTOMERS), TWO, |customer| async {
        let (reader, mut writer) = customer?.split();
        let mut reader = BufReader::new(reader);
        let reply = match doubled(&mut reader, &sleep, &spawn).await {
            Ok(numbers) => numbers,
            Err(error) => format!("error: {error}"),
        };
        writer.write_all(reply.as_bytes()).await?;
        writer.close().await
    });
    served.try_fold(0, |sum, ()| async move { Ok(sum + 1) }).await
}
// ANCHOR_END: serve

// ANCHOR: doubled
/// The doubles of the numbers in a line: a task for each, and two tasks at a time.
async fn doubled<S: Future>(
    reader: &mut (impl AsyncBufRead + Unpin),
    sleep: impl FnOnce(Duration) -> S,
    spawn: impl Fn(BoxFuture<'static, ()>),
) -> Result<String, OrderError> {
    let line = within(read_line(reader, 32), LIMIT, sleep).await??;
    let line = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
    let numbers = line.split_whitespace().map(str::parse);
    let numbers = numbers.collect::<Result<Vec<u32>, _>>()?;
    let doubled = process_items(stream::iter(numbers), TWO, |number| {
        start(double(number), &spawn)
    });
    let doubled: Vec<_> = doubled.map(|number| number.to_string()).collect().await;
    Ok(doubled.join(" "))
}

/// At work: asks a server.
async fn double(number: u32) -> u64 {
    ready(u64::from(number) * 2).await
}
// ANCHOR_END: doubled

// ANCHOR: order_error
/// Why a customer gets no numbers.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error(transparent)]
    TooLate(#[from] TooLate),
    #[error("an order has numbers only: {0}")]
    Number(#[from] ParseIntError),
}
// ANCHOR_END: order_error

// ANCHOR: with_tokio
/// Sockets, timers and tasks are those of Tokio.
async fn with_tokio(listener: TcpListener) -> io::Result<usize> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let customers = stream::repeat(()).then(|()| {
        // `compat` gives a socket of Tokio the traits of the crate futures.
        listener.accept().map_ok(|(customer, _address)| customer.compat())
    });
    serve(customers, sleep, |task| drop(tokio::spawn(task))).await
}

fn tokio_threads(listener: TcpListener) -> io::Result<usize> {
    Runtime::new()?.block_on(with_tokio(listener))
}

fn tokio_local(listener: TcpListener) -> io::Result<usize> {
    LocalRuntime::new()?.block_on(with_tokio(listener))
}
// ANCHOR_END: with_tokio

// ANCHOR: with_smol
/// Sockets and timers are those of smol, which work on every runtime.
async fn with_smol(
    listener: TcpListener,
    spawn: impl Fn(BoxFuture<'static, ()>),
) -> io::Result<usize> {
    let listener = smol::net::TcpListener::try_from(listener)?;
    serve(listener.incoming(), Timer::after, spawn).await
}

fn smol_global(listener: TcpListener) -> io::Result<usize> {
    smol::block_on(with_smol(listener, |task| smol::spawn(task).detach()))
}

fn futures_pool(listener: TcpListener) -> io::Result<usize> {
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    pool.run_until(with_smol(listener, |task| {
        drop(spawner.spawn(task)); // fails only if the pool is gone
    }))
}
// ANCHOR_END: with_smol
