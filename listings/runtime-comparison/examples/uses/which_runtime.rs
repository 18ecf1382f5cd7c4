use futures::channel::oneshot;
use std::error::Error;

/// Waits for a message. It needs no timer, no socket, and no other task.
async fn greet(name: oneshot::Receiver<&str>) -> String {
    match name.await {
        Ok(name) => format!("hello {name}"),
        Err(_sender_is_gone) => "hello, whoever you are".to_owned(),
    }
}

/// A channel with the name in it already.
fn named(name: &str) -> oneshot::Receiver<&str> {
    let (sender, receiver) = oneshot::channel();
    let _receiver_is_here = sender.send(name);
    receiver
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let tokio = tokio::runtime::Runtime::new()?;
    println!("{}", tokio.block_on(greet(named("Tokio"))));
    println!("{}", smol::block_on(greet(named("smol"))));
    println!("{}", pollster::block_on(greet(named("pollster"))));
    println!("{}", futures::executor::block_on(greet(named("futures"))));
    Ok(())
}
