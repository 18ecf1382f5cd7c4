use tokio::task::yield_now;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: yields
    let report = tokio::spawn(async {
        for piece in 1..=3 {
            println!("piece {piece} of the report");
            yield_now().await; // the others have a turn
        }
    });
    // ANCHOR_END: yields
    tokio::spawn(async { println!("a customer gets an answer") });
    println!("main waits");
    yield_now().await;
    println!("main goes on");
    let _ = report.await;
}
