use future_composition::send_the_rest::send_within;
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, duplex};
use tokio::time::sleep;

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (mut connection, mut wire) = duplex(4); // room for four bytes
    let reader = tokio::spawn(async move {
        sleep(Duration::from_millis(150)).await; // the other side is slow
        let mut message = String::new();
        wire.read_to_string(&mut message).await.map(|_| message)
    });

    let mut rest: &[u8] = b"ten bytes!";
    let limit = Duration::from_millis(100);
    for attempt in 1..=3 {
        match send_within(&mut connection, &mut rest, limit).await {
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::TimedOut && attempt < 3 => {
                println!("too slow: {} bytes are left", rest.len());
            }
            Err(error) => return Err(error.into()), // too often, or it is broken
        }
    }
    drop(connection); // the end of the message
    println!("the other side has: {}", reader.await??);
    Ok(())
}
