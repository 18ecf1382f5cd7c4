use std::error::Error;
use std::io;

use rayon::ThreadPoolBuilder;
use runtime_comparison::io_and_cpu::{both, checksum};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Three packets come in.
async fn receive() -> io::Result<u32> {
    let (mut sender, mut receiver) = duplex(1);
    let write = async { sender.write_all(&[1, 2, 3]).await };
    let read = async {
        let mut sum = 0;
        for _ in 0..3 {
            let packet = receiver.read_u8().await?;
            println!("packet {packet}");
            sum += u32::from(packet);
        }
        Ok(sum)
    };
    let ((), sum) = tokio::try_join!(write, read)?;
    Ok(sum)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolBuilder::new().num_threads(2).build()?;
    let archive = b"a whole archive".repeat(10_000);
    let work = both(receive(), &pool, move |stop| {
        let pieces = archive.chunks(1_000).take_while(|_| !stop.is_cancelled());
        pieces.fold(0_u64, |sum, piece| sum.wrapping_add(checksum(piece, 1)))
    });
    let (sum, hash) = work.await?;
    println!("sum of the packets: {sum}");
    println!("checksum of the archive: {hash:016x}");
    Ok(())
}
