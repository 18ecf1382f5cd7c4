use tokio::task::yield_now;

// ANCHOR: yields
async fn report() {
    for piece in 1..=3 {
        println!("piece {piece} of the report");
        yield_now().await;
    }
}
// ANCHOR_END: yields

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let report = tokio::spawn(report());
    tokio::spawn(async { println!("a customer gets an answer") });
    println!("main waits");
    yield_now().await;
    println!("main goes on");
    let _ = report.await;
}
