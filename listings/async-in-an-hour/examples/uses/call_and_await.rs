use std::time::Duration;
use tokio::time::sleep;

/// At work: asks a server for a price. Here it sleeps for 100 ms.
async fn price(product: &str) -> u32 {
    println!("asking for {product}");
    sleep(Duration::from_millis(100)).await;
    if product == "tea" { 3 } else { 2 }
}

#[tokio::main]
pub(crate) async fn main() {
    let tea = price("tea"); // a call: nothing runs yet
    println!("called");
    let euros = tea.await; // now `price` runs to its end
    println!("tea costs {euros} euros");
}
