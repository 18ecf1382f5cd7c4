use super::index::look_up;
use tokio::select;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: step
    let start = Instant::now();
    let name = select! {
        Ok(name) = look_up("name", 100) => Some(name),
        Ok(name) = look_up("name in the cache", 20) => Some(name),
        else => None, // both have failed
    };
    println!("{name:?} after {:?}", start.elapsed());
    // ANCHOR_END: step
}
