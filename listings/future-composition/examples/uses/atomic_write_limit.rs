use super::shown::atomic_write::replace;
use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("state.txt");
    tokio::fs::write(&path, "the old state").await?;
    // ANCHOR: limit
    let (disk_is_free, until_disk_is_free) = mpsc::channel();
    let mut save = tokio::spawn(replace(path.clone(), move |file| {
        until_disk_is_free.recv().map_err(std::io::Error::other)?; // a slow disk
        write!(file, "the new state")
    }));

    if let Ok(end) = timeout(Duration::from_millis(20), &mut save).await {
        end??; // an error of the task, or of `replace`
    } else {
        println!("too late: {}", tokio::fs::read_to_string(&path).await?);
        disk_is_free.send(())?;
        save.await??; // before the next save
    }
    println!("saved: {}", tokio::fs::read_to_string(&path).await?);
    // ANCHOR_END: limit
    Ok(())
}
