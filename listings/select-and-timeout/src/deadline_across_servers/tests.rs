use std::cell::Cell;
use std::future::{pending, ready};
use std::time::SystemTime;

use axum::Router;
use axum::routing::get;
use backend::alive::left_at_drops;
use backend::{Alive, ends, soon};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, advance, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What a client sends whose header has this text.
fn says(text: &str) -> HeaderMap {
    let text = HeaderValue::from_str(text).unwrap();
    HeaderMap::from_iter([(TIME_LEFT, text)])
}

/// No request gets more than 5 s, and the margin is 100 ms.
const LIMITS: Limits = Limits { longest: ms(5_000), margin: ms(100) };

// What goes wrong.

#[test]
fn with_a_time_of_day_two_seconds_of_skew_refuse_each_request_or_limit_none() {
    let client = SystemTime::UNIX_EPOCH + ms(1_000_000);
    let deadline = client + ms(2_000);
    assert_eq!(naive::left(deadline, client), ms(2_000), "with equal clocks");
    assert_eq!(naive::left(deadline, client + ms(2_000)), ms(0), "it is fast");
    assert_eq!(naive::left(deadline, client + ms(9_000)), ms(0));
    assert_eq!(naive::left(deadline, client - ms(2_000)), ms(4_000), "it is slow");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_made_once_says_the_old_time_at_each_attempt() {
    let deadline = Deadline::after(ms(2_000));
    let (wrong, right) = (naive::headers(deadline), headers(deadline));
    assert_eq!((wrong(1), right(1)), ("2000".parse().unwrap(), 2_000.into()));
    advance(ms(1_500)).await;
    assert_eq!((wrong(2), right(2)), (2_000.into(), 500.into()));
}

// The header.

#[tokio::test(start_paused = true)]
async fn the_header_has_the_time_that_is_left_in_whole_milliseconds() {
    let deadline = Deadline::after(Duration::from_micros(1_999_900));
    assert_eq!(to_header(deadline), "1999", "rounded down");
    advance(ms(500)).await;
    assert_eq!(to_header(deadline), "1499");
    advance(ms(5_000)).await;
    assert_eq!(to_header(deadline), "0");
    assert_eq!(to_header(Deadline::after(Duration::MAX)), "946080000000");
}

#[tokio::test(start_paused = true)]
async fn a_server_reads_what_a_client_has_written() {
    for left in [0, 1, 1_500, 4_999] {
        let header = to_header(Deadline::after(ms(left)));
        let headers = HeaderMap::from_iter([(TIME_LEFT, header)]);
        let deadline = from_header(&headers, ms(5_000)).unwrap();
        assert_eq!(deadline.left(), ms(left));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_header_or_with_too_much_time_a_request_gets_the_longest_time() {
    let most = u64::MAX.to_string();
    for headers in [HeaderMap::new(), says("5001"), says("86400000"), says(&most)] {
        let deadline = from_header(&headers, ms(5_000)).unwrap();
        assert_eq!(deadline.left(), ms(5_000), "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_no_number_is_a_400_and_nothing_begins() {
    for text in ["", "soon", "-1", "1.5", "1s", "18446744073709551616", "é"] {
        let headers = says(text);
        assert_eq!(from_header(&headers, ms(5_000)), Err(NoNumber), "{text}");
        let begun = Cell::new(false);
        let work = |_| {
            begun.set(true);
            ready(())
        };
        let end = answer(&headers, LIMITS, work).await;
        assert_eq!((end, begun.get()), (Err(StatusCode::BAD_REQUEST), false));
    }
    assert_eq!(NoNumber.to_string(), "x-time-left-ms is no number of milliseconds");
}

// The server.

#[tokio::test(start_paused = true)]
async fn the_server_stops_before_its_client_does() {
    let start = Instant::now();
    let late = ends(answer(&says("2000"), LIMITS, |_| pending::<()>())).await;
    assert_eq!(late, Err(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(start.elapsed(), ms(1_900), "100 ms are the margin");
    let late = ends(answer(&says("9000"), LIMITS, |_| pending::<()>())).await;
    assert_eq!(late, Err(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(start.elapsed(), ms(1_900 + 4_900), "at most 5 s");
}

#[tokio::test(start_paused = true)]
async fn by_default_a_request_gets_at_most_ten_seconds() {
    let start = Instant::now();
    let headers = HeaderMap::new();
    let late = ends(answer(&headers, Limits::default(), |_| pending::<()>()));
    assert_eq!(late.await, Err(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(start.elapsed(), ms(9_950));
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_is_returned_at_once() {
    let start = Instant::now();
    let work = async |_| {
        sleep(ms(1_000)).await;
        3
    };
    assert_eq!(answer(&says("2000"), LIMITS, work).await, Ok(3));
    assert_eq!(start.elapsed(), ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_waits_for_is_not_begun() {
    for left in ["0", "1", "100"] {
        let begun = Cell::new(0);
        let work = |_| {
            begun.set(begun.get() + 1);
            async { begun.set(begun.get() + 1) }
        };
        let end = answer(&says(left), LIMITS, work).await;
        assert_eq!((end, begun.get()), (Err(StatusCode::GATEWAY_TIMEOUT), 0), "{left}");
    }
    assert_eq!(answer(&says("101"), LIMITS, |_| ready(3)).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn the_work_gets_the_deadline_to_pass_it_on() {
    let work = async |deadline: Deadline| {
        sleep(ms(400)).await;
        to_header(deadline)
    };
    assert_eq!(answer(&says("2000"), LIMITS, work).await, Ok(1_500.into()));
}

// Over HTTP.

/// What a server has seen: its name and the header.
type Seen = (&'static str, u64);

/// A server that tells what it was sent, and answers with what `next` answers.
async fn open(
    name: &'static str,
    seen: UnboundedSender<Seen>,
    next: Option<String>,
) -> String {
    let client = Client::new();
    let handler = async move |headers: HeaderMap| {
        let header = headers[TIME_LEFT].to_str().unwrap().parse().unwrap();
        seen.send((name, header)).unwrap();
        let limits = Limits { longest: ms(600_000), margin: ms(100) };
        let work = async |deadline| match next {
            Some(url) => ask(&client, &url, deadline).await,
            None => "3 left".to_owned(),
        };
        answer(&headers, limits, work).await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(handler));
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

async fn ask(client: &Client, url: &str, deadline: Deadline) -> String {
    let request = client.get(url).header(TIME_LEFT, to_header(deadline));
    request.send().await.unwrap().text().await.unwrap()
}

fn heard(seen: &mut UnboundedReceiver<Seen>) -> Seen {
    seen.try_recv().unwrap()
}

#[tokio::test]
async fn over_http_each_server_has_less_time_than_the_one_before() {
    let (tell, mut seen) = unbounded_channel();
    let warehouse = open("warehouse", tell.clone(), None).await;
    let shop = open("shop", tell, Some(warehouse)).await;
    let deadline = Deadline::after(ms(500_000));
    let answer = soon(ask(&Client::new(), &shop, deadline)).await;
    assert_eq!(answer, "3 left");
    let (first, second) = (heard(&mut seen), heard(&mut seen));
    assert_eq!((first.0, second.0), ("shop", "warehouse"));
    assert!(first.1 <= 500_000, "{first:?}");
    assert!(second.1 + 100 <= first.1, "{first:?} {second:?}");
}

#[tokio::test]
async fn over_http_a_request_whose_time_is_up_is_a_504() {
    let handler =
        async |headers: HeaderMap| answer(&headers, LIMITS, |_| pending::<()>()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(handler));
    tokio::spawn(async { axum::serve(listener, router).await });
    let client = Client::new();
    // None is left, and a little that then passes.
    for (left, status) in [("0", 504), ("120", 504), ("soon", 400)] {
        let request = client.get(&url).header(TIME_LEFT, left).send();
        assert_eq!(soon(request).await.unwrap().status(), status, "{left}");
    }
}

// Drops.

#[tokio::test(start_paused = true)]
async fn whoever_drops_an_answer_drops_its_work() {
    let left = left_at_drops(|alive: &Alive| {
        let guard = alive.guard();
        async move {
            let work = async move |_| {
                sleep(ms(5)).await;
                drop(guard);
            };
            answer(&says("2000"), LIMITS, work).await.unwrap();
        }
    });
    assert_eq!(left.await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_spawned() {
    let task = async { answer(&says("2000"), LIMITS, |_| ready(3)).await };
    assert_eq!(tokio::spawn(task).await.unwrap(), Ok(3));
}
