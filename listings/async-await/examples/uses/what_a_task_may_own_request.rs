use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;

pub(crate) fn main() -> Result<(), JoinError> {
    // The page shows what this names above.
    use async_await::what_a_task_may_own::{REQUEST, spawn_for_request};

    // ANCHOR: request
    fn log(line: &str) {
        match REQUEST.try_get() {
            Ok(id) => println!("request {id}: {line}"),
            Err(_) => println!("no request: {line}"),
        }
    }

    async fn send_receipt(order: u32) {
        sleep(Duration::from_millis(200)).await;
        log(&format!("receipt {order} sent"));
    }

    async fn handler() -> Result<(), JoinError> {
        log("two orders");
        tokio::spawn(send_receipt(1)).await?;
        spawn_for_request(send_receipt(2)).await
    }

    #[tokio::main(flavor = "current_thread", start_paused = true)]
    async fn main() -> Result<(), JoinError> {
        REQUEST.scope(7, handler()).await
    }
    // ANCHOR_END: request

    main()
}
