use async_await::shared_state::on_a_connection;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

// ANCHOR: line
/// At work: a connection to the bank. It answers in the order of the questions.
#[derive(Default)]
struct Bank {
    answers: VecDeque<u32>,
}

async fn connect() -> io::Result<Bank> {
    println!("a new connection");
    Ok(Bank::default())
}

async fn charge(line: &Mutex<Option<Bank>>, order: u32) -> io::Result<u32> {
    let ask = async |bank: &mut Bank| {
        bank.answers.push_back(order); // sends the question
        sleep(Duration::from_millis(100)).await;
        bank.answers.pop_front().ok_or(io::ErrorKind::UnexpectedEof.into())
    };
    on_a_connection(line, connect, ask).await
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> io::Result<()> {
    let line = Mutex::new(None);
    if timeout(Duration::from_millis(50), charge(&line, 1)).await.is_err() {
        println!("order 1: too late");
    }
    println!("order 2: the answer for order {}", charge(&line, 2).await?);
    println!("order 3: the answer for order {}", charge(&line, 3).await?);
    Ok(())
}
// ANCHOR_END: line
