use async_await::errors_across_tasks::{DbError, spawn_logged};
use std::panic;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ()));
    // ANCHOR: logged
    let log = |line| println!("in the log: {line}");
    let sent = spawn_logged(async { Ok::<_, DbError>("sent") }, log);
    let failed = spawn_logged(async { Err::<(), _>(DbError::Lost) }, log);
    let broken = spawn_logged::<(), DbError>(async { panic!("a bug") }, log);
    // In your program, the server runs on. Here, wait for the three.
    let _ = tokio::join!(sent, failed, broken);
    // ANCHOR_END: logged
}
