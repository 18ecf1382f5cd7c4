use tokio::time::timeout;

use super::*;

async fn arrivals(receiver: &mut mpsc::Receiver<char>) -> Vec<(u128, char)> {
    let start = Instant::now();
    let mut arrivals = Vec::new();
    let limit = Duration::from_hours(1);
    while let Ok(Some(message)) = timeout(limit, receiver.recv()).await {
        arrivals.push((start.elapsed().as_millis(), message));
    }
    arrivals
}

#[tokio::test(start_paused = true)]
async fn each_message_comes_at_its_time_and_the_channel_closes_or_not() {
    let messages = [(10, 'a'), (25, 'b')];
    let mut closes = closing(messages);
    assert_eq!(arrivals(&mut closes).await, [(10, 'a'), (25, 'b')]);
    assert!(closes.is_closed());
    let mut stays = staying_open(messages);
    assert_eq!(arrivals(&mut stays).await, [(10, 'a'), (25, 'b')]);
    assert!(!stays.is_closed());
}
