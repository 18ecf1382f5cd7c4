use async_await::errors_across_tasks::{Database, DbError, answer};
use std::sync::Arc;

/// In your program: a pool of connections.
struct Demo;

impl Database for Demo {
    async fn name(&self, id: u32) -> Result<Option<String>, DbError> {
        match id {
            7 => Ok(Some("Ada".into())),
            8 => Err(DbError::Lost),
            9 => Ok(Some("Grace".into())),
            _ => Ok(None),
        }
    }

    async fn posts(&self, id: u32) -> Result<u32, DbError> {
        if id == 9 { Err(DbError::Locked) } else { Ok(3) }
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    for id in [7, 8, 9, 10] {
        let log = |line| println!("  in the log: {line}");
        let answer = answer(Arc::new(Demo), id, log).await;
        println!("user {id}: {answer:?}");
    }
}
