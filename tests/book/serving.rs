//! The server: what it serves, where it listens, and what it does with a broken edit.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use book::serve::{ServeError, Server};
use book_tests::{PAGE, SmallBook};

/// A server of a small book; it stops with the test.
struct Running {
    url: String,
    server: Arc<Server>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    fn of(small: &SmallBook) -> Self {
        let server = Arc::new(Server::start(small.root(), 0).unwrap());
        let thread = Some(thread::spawn({
            let server = Arc::clone(&server);
            move || server.run()
        }));
        Self { url: server.url(), server, thread }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Asks again and again until the page is as wanted.
    async fn until(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..3000 {
            let (_, page) = self.get(path).await;
            if wanted(&page) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("waited in vain for an edit of {path}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.stop();
        let ended = self.thread.take().unwrap().join();
        assert!(thread::panicking() || matches!(ended, Ok(Ok(()))), "{ended:?}");
    }
}

#[tokio::test]
async fn it_serves_pages_with_live_reload_and_404s() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let (status, page) = running.get("some-pattern/a-topic.html").await;
    assert_eq!(status, 200);
    assert!(page.contains("What it promises") && page.contains("changed-since"));
    let (status, page) = running.get("nowhere.html").await;
    assert_eq!(status, 404);
    assert!(page.contains("<base href=\"/\">"), "links of the page work at any depth");
}

#[test]
fn it_listens_on_loopback_only() {
    let small = SmallBook::default();
    let server = Server::start(small.root(), 0).unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"), "{}", server.url());
}

#[test]
fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Server::start(SmallBook::default().root(), port).map(drop).unwrap_err();
    assert!(matches!(error, ServeError::PortInUse(it) if it == port));
    assert!(error.to_string().contains("--port"), "{error}");
}

#[test]
fn a_book_with_a_mistake_is_not_served_at_the_start() {
    let small = SmallBook::default().with(PAGE, "`it_is_right`", "`it_is_left`");
    let error = Server::start(small.root(), 0).map(drop).unwrap_err();
    assert!(error.to_string().contains("no test `it_is_left`"), "{error}");
}

#[tokio::test]
async fn an_edit_of_a_page_or_a_listing_is_served() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let small = small.with(PAGE, "It is right", "It is always right");
    let path = "some-pattern/a-topic.html";
    running.until(path, |page| page.contains("It is always right")).await;
    let small = small.with(book_tests::LISTING, "    42", "    // changed\n    42");
    running.until(path, |page| page.contains("// changed")).await;
    drop(small);
}

#[tokio::test]
async fn a_broken_edit_is_told_above_the_last_good_book_until_it_is_mended() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let path = "some-pattern/a-topic.html";
    let small = small.with(PAGE, "`it_is_right`", "`it_is_left`");
    let page = running.until(path, |page| page.contains("book-mistake")).await;
    assert!(page.contains("no test `it_is_left`"), "the banner says what is wrong");
    assert!(
        page.contains("promise-a-topic-it_is_right"),
        "the last good book stays up"
    );
    let small = small.with(PAGE, "`it_is_left`", "`it_is_right`");
    let page = running.until(path, |page| !page.contains("book-mistake")).await;
    assert!(page.contains("promise-a-topic-it_is_right"));
    drop(small);
}

#[tokio::test]
async fn a_folder_of_sources_that_was_renamed_and_came_back_is_followed() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let path = "some-pattern/a-topic.html";
    for folder in ["src", "listings"] {
        let (here, away) = (small.root().join(folder), small.root().join("away"));
        std::fs::rename(&here, &away).unwrap();
        running.until(path, |page| page.contains("book-mistake")).await;
        std::fs::rename(&away, &here).unwrap();
        running.until(path, |page| !page.contains("book-mistake")).await;
    }
    let small = small.with(PAGE, "It is right", "It is always right");
    running.until(path, |page| page.contains("It is always right")).await;
    drop(small);
}

#[tokio::test]
async fn an_edit_is_served_while_something_else_is_written_all_the_time() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let noise = small.root().join("src/noise.md");
    let stop = tokio_util::sync::CancellationToken::new();
    let writer = tokio::task::spawn_blocking({
        let stop = stop.clone();
        move || {
            for number in 0_u64.. {
                if stop.is_cancelled() {
                    break;
                }
                std::fs::write(&noise, number.to_string()).unwrap();
            }
        }
    });
    let _stop = stop.drop_guard();
    let small = small.with(PAGE, "It is right", "It is always right");
    let path = "some-pattern/a-topic.html";
    running.until(path, |page| page.contains("It is always right")).await;
    drop((small, writer));
}

#[tokio::test]
async fn a_part_of_a_page_is_the_whole_page() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let client = reqwest::Client::new();
    let address = format!("{}index.html", running.url);
    let response =
        client.get(address).header("range", "bytes=0-9").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("</html>"));
}

#[tokio::test]
async fn a_path_that_no_file_can_have_is_told_as_such() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    for path in ["x".repeat(5000), "x".repeat(300)] {
        assert_eq!(running.get(&path).await.0, 414);
    }
}

#[tokio::test]
async fn a_page_is_told_when_the_book_has_changed() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    let version = |page: &str| {
        let (_, rest) = page.split_once("changed-since/").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let before = version(&running.get("index.html").await.1);
    let (url, since) = (running.url.clone(), before.clone());
    let asked = tokio::spawn(async move {
        let answer = reqwest::get(format!("{url}changed-since/{since}")).await;
        answer.unwrap().text().await.unwrap()
    });
    let small = small.with(PAGE, "It is right", "It is always right");
    assert_eq!(asked.await.unwrap(), "changed");
    let now = running.until("index.html", |page| version(page) != before).await;
    // A page of a server that has ended since is told at once, too.
    assert_eq!(running.get("changed-since/1").await, (200, "changed".to_owned()));
    drop((small, now));
}

#[tokio::test]
async fn what_is_made_on_demand_is_there_and_follows_an_edit() {
    let small = SmallBook::in_the_theme();
    let running = Running::of(&small);
    for made in ["print.html", "search-index.js"] {
        let (status, text) = running.get(made).await;
        assert_eq!(status, 200);
        assert!(text.contains("It is right"), "{made}");
    }
    let small = small.with(PAGE, "It is right", "It is always right");
    for made in ["print.html", "search-index.js"] {
        running.until(made, |text| text.contains("It is always right")).await;
    }
    drop(small);
}

#[tokio::test]
async fn no_path_leads_out_of_the_book_and_nobody_writes() {
    let small = SmallBook::default();
    let running = Running::of(&small);
    for path in ["%2e%2e/next", "..%2fnext", ".nojekyll", "x//index.html", "%ff"] {
        assert_eq!(running.get(path).await.0, 404, "{path}");
    }
    let client = reqwest::Client::new();
    let written = client.post(&running.url).body("x").send().await.unwrap();
    assert_eq!(written.status(), 405);
    let (status, page) = running.get("some-pattern/a%2Dtopic.html?x=1").await;
    assert!(status == 200 && page.contains("It is right"), "{status}");
}
