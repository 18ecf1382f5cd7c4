use super::shown::no_runtime::{LineError, read_line};
use futures::io::BufReader;
use tokio_util::compat::TokioAsyncReadCompatExt;

// ANCHOR: line
pub(crate) fn main() -> Result<(), LineError> {
    // At work, these are sockets. Byte slices have the traits of both, too.
    let of_tokio: &[u8] = b"tea, 2\n";
    let of_smol: &[u8] = b"tea, and a very long wish for the colour of its cup\n";

    let mut reader = BufReader::new(of_tokio.compat());
    let line = pollster::block_on(read_line(&mut reader, 20))?;
    println!("{}", String::from_utf8_lossy(&line.unwrap_or_default()));

    let mut reader = BufReader::new(of_smol); // needs no `compat`
    if let Err(error) = pollster::block_on(read_line(&mut reader, 20)) {
        println!("{error}");
    }
    Ok(())
}
// ANCHOR_END: line
