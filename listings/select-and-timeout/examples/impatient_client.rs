//! A traveller asks six airlines for a price, and waits for a second at most.
//!
//! Without an argument, this shows three searches. With a number, it is one search within so many milliseconds. All of it
//! runs on the paused clock, so each time is exact.

use std::error::Error;
use std::future::pending;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, iter, panic};

use policy::{Retry, RetryError, Transient};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use select_and_timeout::deadline::{Deadline, TooLate};
use select_and_timeout::one_limit_for_many::{Report, all_within};
use tokio::runtime::Handle;
use tokio::select;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

// ANCHOR: airlines
const AIRLINES: [&str; 6] =
    ["Albatross", "Bluebird", "Condor", "Dodo", "Eagle", "Falcon"];

/// At work: an HTTP request. Here, each airline has its script.
async fn fare(airline: &str, attempt: u32) -> Result<u32, Refusal> {
    let (wait, answer) = match (airline, attempt) {
        ("Albatross", _) => (80, Ok(120)),
        ("Bluebird", 1) => (30, Err(Refusal::Busy)),
        ("Bluebird", _) => (60, Ok(95)),
        ("Dodo", _) => (40, Err(Refusal::Full)),
        ("Falcon", _) => {
            sleep(ms(20)).await;
            panic!("a bug in our code: it cannot read this answer")
        }
        _ => pending().await, // Condor never answers
    };
    sleep(ms(wait)).await;
    answer
}

/// At work: a library that Eagle has written. It takes no deadline, and never gives up.
async fn library_of_eagle() -> u32 {
    pending().await
}
// ANCHOR_END: airlines

// ANCHOR: errors
/// An airline has answered, but with no price.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the airline is busy")]
    Busy,
    #[error("no seat is left")]
    Full,
}

impl Transient for Refusal {
    fn transient(&self) -> bool {
        matches!(self, Self::Busy) // a second attempt cannot make a seat
    }
}

/// Why there is no offer of one airline.
#[derive(Debug, thiserror::Error)]
enum NoOffer {
    #[error(transparent)]
    TooLate(#[from] TooLate),
    #[error(transparent)]
    GaveUp(#[from] RetryError<Refusal>),
    #[error("still running at the deadline, and ended")]
    Ended,
    #[error("our code has panicked")]
    Panicked,
}
// ANCHOR_END: errors

// ANCHOR: ask
/// The price of one airline. Asks again if it helps, and ends at `deadline`.
async fn ask(airline: &'static str, deadline: Deadline) -> Result<u32, NoOffer> {
    if airline == "Eagle" {
        return Ok(library_of_eagle().await);
    }
    let each = Some(ms(300)); // for one attempt
    let policy = Retry { limit: each, least: ms(20), ..Retry::default() };
    let retry = deadline.retry(&policy);
    // Here with a seed, so that the output stays the same. At work: `rand::make_rng()`.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let attempts = retry.run(&mut rng, |attempt| fare(airline, attempt));
    Ok(deadline.run("the question", attempts).await??)
}
// ANCHOR_END: ask

// ANCHOR: answer
/// What became of the question to one airline.
#[derive(Debug)]
struct Answer {
    offer: Result<u32, NoOffer>,
    /// `None`: the question returned nothing.
    after: Option<Duration>,
}

type Answers = Vec<(&'static str, Answer)>;

/// At least one airline has made an offer.
struct Found {
    cheapest: (u32, &'static str),
    answers: Answers,
}

/// No airline has made an offer.
#[derive(Debug, thiserror::Error)]
#[error("no offer in time")]
struct NothingInTime {
    answers: Answers,
}
// ANCHOR_END: answer

// ANCHOR: search
/// Asks all airlines until `deadline`. When this returns, its tasks are gone.
async fn search(deadline: Deadline) -> Result<Found, NothingInTime> {
    let start = Instant::now();
    let questions = AIRLINES.map(|airline| {
        let earlier = deadline.keep(ms(10)); // so that a question can still say why
        let question = async move {
            let offer = ask(airline, earlier).await;
            Answer { offer, after: Some(start.elapsed()) }
        };
        (airline, question)
    });
    let report = all_within(deadline.left(), questions).await;
    let answers = answers(report);
    let prices = answers.iter().filter_map(|(airline, answer)| {
        let euros = answer.offer.as_ref().ok()?;
        Some((*euros, *airline))
    });
    match prices.min() {
        Some(cheapest) => Ok(Found { cheapest, answers }),
        None => Err(NothingInTime { answers }),
    }
}
// ANCHOR_END: search

// ANCHOR: answers
/// One answer for each airline, in the order of their names.
fn answers(report: Report<&'static str, Answer>) -> Answers {
    let mut answers = report.done;
    let mut no_offer = |airline, why| {
        answers.push((airline, Answer { offer: Err(why), after: None }));
    };
    for airline in report.unfinished {
        no_offer(airline, NoOffer::Ended);
    }
    for (airline, _panic) in report.panicked {
        no_offer(airline, NoOffer::Panicked);
    }
    answers.sort_by_key(|(airline, _)| *airline);
    answers
}
// ANCHOR_END: answers

// ANCHOR: trip
/// One search, and what came of it. The status is 0 with an offer, and 2 without one.
async fn trip(limit: Duration) -> ExitCode {
    println!("within {} ms:", limit.as_millis());
    let start = Instant::now();
    let found = search(Deadline::after(limit)).await;
    let end = start.elapsed().as_millis();
    match found {
        Ok(Found { cheapest: (euros, airline), answers }) => {
            print(&answers);
            println!("{end} ms: {airline} for {euros} euros; {}", questions());
            ExitCode::SUCCESS
        }
        Err(error) => {
            print(&error.answers);
            println!("{end} ms: {error}; {}", questions());
            ExitCode::from(2)
        }
    }
}

/// How many questions run. Each is a task, and the program has no other tasks.
fn questions() -> String {
    format!("{} questions run", Handle::current().metrics().num_alive_tasks())
}
// ANCHOR_END: trip

// ANCHOR: print
fn print(answers: &Answers) {
    for (airline, Answer { offer, after }) in answers {
        let after = after.map_or("?".to_owned(), |it| it.as_millis().to_string());
        let words = match offer {
            Ok(euros) => format!("{euros} euros"),
            Err(error) => with_causes(error),
        };
        println!("{after:>5} ms  {airline:9}  {words}");
    }
}

/// The words of an error, and of what caused it.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
// ANCHOR_END: print

// ANCHOR: leaves
/// A search, and a traveller who leaves after 50 ms.
async fn leaves() {
    select! {
        _ = search(Deadline::after(ms(1_000))) => println!("the search has ended"),
        () = sleep(ms(50)) => println!("50 ms: the traveller leaves"),
    }
    println!("{}", questions()); // aborted, but not gone yet
    yield_now().await;
    println!("a moment later: {}", questions());
}
// ANCHOR_END: leaves

// ANCHOR: main
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    panic::set_hook(Box::new(|_| {})); // at work, leave this out: it hides the panic
    if let Some(limit) = env::args().nth(1) {
        return Ok(trip(ms(limit.parse()?)).await);
    }
    trip(ms(1_000)).await;
    trip(ms(60)).await;
    leaves().await;
    Ok(ExitCode::SUCCESS)
}
// ANCHOR_END: main
