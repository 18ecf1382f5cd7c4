use future_composition::atomic_write::replace;
use std::error::Error;
use std::io;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?; // at work: the folder of your program
    let path = folder.path().join("state.txt");
    tokio::fs::write(&path, "the old state").await?;

    let full = replace(&path, |file| {
        write!(file, "the new")?;
        Err(io::Error::other("the disk is full"))
    });
    if let Err(error) = full.await {
        println!("failed to {}: {}", error.step, error.source);
    }
    println!("the file has: {}", tokio::fs::read_to_string(&path).await?);

    replace(&path, |file| write!(file, "the new state")).await?;
    println!("the file has: {}", tokio::fs::read_to_string(&path).await?);
    Ok(())
}
