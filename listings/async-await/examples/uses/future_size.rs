use async_await::future_size::{checksum, logged, timed};
use std::io;
use std::mem::size_of_val;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> io::Result<()> {
    // At work: two `TcpStream`s. Here: a photo of 400,000 bytes, and its preview.
    let (photo, preview) = (vec![1; 400_000], vec![1; 20_000]);
    let photo_sum = timed(logged(checksum(&photo[..])));
    let preview_sum = timed(logged(checksum(&preview[..])));
    println!("one future with both helpers: {} bytes", size_of_val(&photo_sum));

    let ((of_photo, _), (of_preview, _)) = tokio::join!(photo_sum, preview_sum);
    println!("the sums: {} and {}", of_photo?, of_preview?);
    Ok(())
}
