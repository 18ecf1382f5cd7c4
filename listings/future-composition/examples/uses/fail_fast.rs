use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio::try_join;

#[derive(Debug, thiserror::Error)]
#[error("there is no {table} of user {user}")]
pub(crate) struct Missing {
    table: &'static str,
    user: u32,
}

/// At work: asks a service. User 8 has no name.
pub(crate) async fn look_up(table: &'static str, user: u32) -> Result<String, Missing> {
    let millis = match table {
        "name" => 10,
        "orders" => 30,
        _ => 60,
    };
    sleep(Duration::from_millis(millis)).await;
    println!("{table}: the answer is here");
    if table == "name" && user == 8 {
        return Err(Missing { table, user });
    }
    Ok(format!("{table} of {user}"))
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    for user in [7, 8] {
        let start = Instant::now();
        let account = try_join!(
            look_up("name", user),
            look_up("orders", user),
            look_up("balance", user),
        );
        println!("{account:?} after {:?}", start.elapsed());
    }
    sleep(Duration::from_secs(1)).await; // what still runs would print its line now
}
