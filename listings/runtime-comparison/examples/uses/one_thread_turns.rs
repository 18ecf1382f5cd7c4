use tokio::task::yield_now;

// ANCHOR: turns
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let report = tokio::spawn(async {
        for piece in 1..=3 {
            println!("piece {piece} of the report"); // at work: computes for 100 ms
        }
    });
    tokio::spawn(async { println!("a customer gets an answer") });
    println!("main waits");
    yield_now().await; // the others have a turn
    println!("main goes on");
    let _ = report.await;
}
// ANCHOR_END: turns
