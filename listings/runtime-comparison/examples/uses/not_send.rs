use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::sleep;

type Prices = Rc<RefCell<HashMap<&'static str, u32>>>;

/// At work: asks a server for the price.
async fn ask(item: &'static str, price: u32, prices: Prices) {
    sleep(Duration::from_millis(10)).await;
    prices.borrow_mut().insert(item, price);
}

#[tokio::main(flavor = "local")]
pub(crate) async fn main() {
    let prices = Prices::default();
    let mut tasks = JoinSet::new();
    tasks.spawn_local(ask("tea", 3, Rc::clone(&prices)));
    tasks.spawn_local(ask("cake", 5, Rc::clone(&prices)));
    tasks.join_all().await;

    let total = spawn_local(async move { prices.borrow().values().sum::<u32>() });
    println!("total: {:?}", total.await.ok());
}
