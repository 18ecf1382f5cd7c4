use std::future::pending;
use std::sync::LazyLock;
use std::sync::mpsc::{RecvError, channel};
use std::{error, io};
use tokio::runtime::Runtime;

// ANCHOR: main
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(Runtime::new);

/// A file that is only half written. At work, its drop deletes the file.
struct HalfAFile(&'static str);

impl Drop for HalfAFile {
    fn drop(&mut self) {
        println!("{}: the half file is deleted", self.0);
    }
}

/// Starts a task that writes a file, and returns when the task has begun.
fn write_on(runtime: &Runtime, name: &'static str) -> Result<(), RecvError> {
    let (begins, begun) = channel();
    runtime.spawn(async move {
        let _file = HalfAFile(name);
        let _main_has_ended = begins.send(());
        pending::<()>().await; // the rest of the file comes later
    });
    begun.recv()?;
    println!("{name}: half of the file is written");
    Ok(())
}

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    let runtime = Runtime::new()?;
    write_on(&runtime, "in main")?;
    write_on(RUNTIME.as_ref()?, "in a static")?;
    Ok(()) // here `runtime` is dropped, and `RUNTIME` is not
}
// ANCHOR_END: main
