use runtime_comparison::not_send::PerCore;
use runtime_comparison::thread_per_core::{hand_over, serve};
use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers each byte with the number of bytes that its thread has had: 0 after 255.
async fn count(mut stream: TcpStream, had: Rc<Cell<u8>>) {
    while stream.read_u8().await.is_ok() {
        had.set(had.get().wrapping_add(1)); // no lock: only this thread has it
        if stream.write_u8(had.get()).await.is_err() {
            return; // the client is gone
        }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let cores = PerCore::start(2, 64, |_thread, sockets| {
        let had = Rc::new(Cell::new(0));
        serve(sockets, move |stream| count(stream, Rc::clone(&had)))
    })?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut clients = Vec::new();
    for thread in [0, 1, 0] {
        clients.push(TcpStream::connect(listener.local_addr()?).await?);
        let (stream, _) = listener.accept().await?;
        hand_over(&cores, thread, stream).await?;
    }
    for client in &mut clients {
        client.write_u8(0).await?;
        println!("{}", client.read_u8().await?);
    }
    drop(clients);
    cores.stop()?; // blocks: this `main` has nothing else to do
    Ok(())
}
