use super::actor::PLACES;
use async_await::actor::{Actor, Gone, WeakHandle, start_with};
use std::error::Error;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

// ANCHOR: request
enum Request {
    Next {
        answer: oneshot::Sender<u32>,
    },
    Report {
        answer: oneshot::Sender<u32>,
    },
    /// From the task that has made the report.
    Ready {
        upto: u32,
        answer: oneshot::Sender<u32>,
    },
}

struct Invoices {
    last: u32,
    reported: u32,
    itself: WeakHandle<Request>,
    tasks: JoinSet<Result<(), Gone<Request>>>,
}
// ANCHOR_END: request

/// At work: add up all invoices up to this one.
async fn make_report(_upto: u32) {
    sleep(Duration::from_secs(1)).await;
}

impl Actor for Invoices {
    type Request = Request;

    // ANCHOR: handle
    async fn handle(&mut self, request: Request) {
        while self.tasks.try_join_next().is_some() {} // drop what has ended
        match request {
            Request::Next { answer } => {
                self.last += 1;
                let _nobody_waits = answer.send(self.last);
            }
            Request::Report { answer } => {
                let Some(itself) = self.itself.upgrade() else { return };
                let upto = self.last;
                self.tasks.spawn(async move {
                    make_report(upto).await;
                    itself.tell(Request::Ready { upto, answer }).await
                });
            }
            Request::Ready { upto, answer } => {
                self.reported = upto;
                let _nobody_waits = answer.send(upto);
            }
        }
    }
    // ANCHOR_END: handle
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: main
    let (handle, owner) = start_with(PLACES, |itself| Invoices {
        last: 0,
        reported: 0,
        itself,
        tasks: JoinSet::new(),
    });
    let start = Instant::now();
    let (report, next) =
        tokio::join!(handle.ask(|answer| Request::Report { answer }), async {
            let next = handle.ask(|answer| Request::Next { answer }).await;
            println!("invoice {} after {:?}", next?, start.elapsed());
            Ok::<_, Gone<Request>>(())
        },);
    next?;
    println!("a report up to invoice {} after {:?}", report?, start.elapsed());
    // ANCHOR_END: main
    println!("reported up to {}", owner.shutdown().await?.reported);
    Ok(())
}
