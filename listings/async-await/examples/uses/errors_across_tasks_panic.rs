use async_await::errors_across_tasks::{Database, DbError, answer};
use std::panic;
use std::sync::Arc;

struct Demo;

impl Database for Demo {
    async fn name(&self, _id: u32) -> Result<Option<String>, DbError> {
        Ok(Some("Ada".into()))
    }

    // ANCHOR: bug
    async fn posts(&self, id: u32) -> Result<u32, DbError> {
        let posts = [3, 5];
        Ok(posts[id as usize]) // a bug: there are only two
    }
    // ANCHOR_END: bug
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ()));
    let log = |line| println!("  in the log: {line}");
    let answer = answer(Arc::new(Demo), 7, log).await;
    println!("user 7: {answer:?}");
}
