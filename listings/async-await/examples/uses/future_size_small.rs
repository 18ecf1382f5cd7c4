use super::shown::future_size::{checksum, logged, timed};
use async_await::future_size::timed_call;
use std::io;
use std::mem::size_of_val;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    // ANCHOR: small
    let photo = vec![1; 400_000];
    let boxed = timed(logged(Box::pin(checksum(&photo[..]))));
    let called = timed_call(|| checksum(&photo[..]));
    let sizes = [size_of_val(&boxed), size_of_val(&called)];
    println!("{sizes:?} bytes");
    let ((of_box, _), (of_call, _)) = tokio::join!(boxed, called);
    println!("the sums: {} and {}", of_box?, of_call?);
    // ANCHOR_END: small
    Ok(())
}
