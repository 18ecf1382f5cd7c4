use std::error::Error;
use std::io;
use std::net::SocketAddr;

use runtime_comparison::reactor_by_hand::{Listener, Stream, run};
use runtime_comparison::runtime_by_hand::Spawner;

/// Reads the number of an article, one byte, and writes its price.
async fn answer(mut customer: Stream) -> io::Result<()> {
    let mut article = [0];
    while customer.read(&mut article).await? == 1 {
        customer.write_all(&[article[0] + 90]).await?;
    }
    Ok(()) // the customer has hung up
}

async fn serve(spawner: Spawner, mut listener: Listener) -> io::Result<()> {
    loop {
        let customer = listener.accept().await?;
        drop(spawner.spawn(answer(customer))); // drops the handle: the task goes on
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(|spawner, _timers, sockets| async move {
        let listener = sockets.listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.address()?;
        // Nobody awaits the handle `_server`. `_silent` keeps its connection open.
        let _server = spawner.spawn(serve(spawner.clone(), listener));
        let _silent = sockets.connect(address).await?;
        println!("one customer is connected, and says nothing");
        let mut customer = sockets.connect(address).await?;
        customer.write_all(&[5]).await?;
        let mut euros = [0];
        customer.read(&mut euros).await?;
        println!("another one asks: article 5 costs {} euros", euros[0]);
        Ok(())
    })?
}
