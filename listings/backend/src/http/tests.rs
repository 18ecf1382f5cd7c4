use super::*;
use futures::future::join_all;
use reqwest::Client;

#[tokio::test]
async fn it_answers_with_status_header_and_body_in_turn() {
    let busy = HttpReply::status(503, "busy").retry_after("2");
    let site = HttpSite::default().with_replies("/a", [busy, HttpReply::ok("here")]);
    let server = site.start().await;
    let client = Client::new();
    let first = client.get(server.url("/a")).send().await.unwrap();
    assert_eq!(
        (first.status().as_u16(), &first.headers()["retry-after"] == "2"),
        (503, true)
    );
    assert_eq!(first.text().await.unwrap(), "busy");
    for _ in 0..2 {
        let last = client.get(server.url("/a")).send().await.unwrap();
        assert_eq!(last.text().await.unwrap(), "here", "the last one repeats");
    }
    assert_eq!((server.requests("/a"), server.connections()), (3, 1));
    assert_eq!(server.requests("/b"), 0);
    assert_eq!(
        client.get(server.url("/b")).send().await.unwrap().status().as_u16(),
        404
    );
}

#[tokio::test]
async fn replies_together_are_in_flight_together() {
    for count in [3, 4] {
        let together = HttpReply::ok("x").together(count);
        let server = HttpSite::default().with_reply("/a", together).start().await;
        let client = Client::new();
        let fetch = || client.get(server.url("/a")).send();
        let all_but_one = tokio::spawn(join_all((1..count).map(|_| fetch())));
        server.until(|load| load.in_flight == count - 1).await;
        let last = fetch().await;
        for response in all_but_one.await.unwrap().into_iter().chain([last]) {
            response.unwrap().bytes().await.unwrap();
        }
        server.until(|load| load.answered == count).await;
        assert_eq!((server.load().peak, server.connections()), (count, count));
    }
}

#[tokio::test]
async fn bodies_together_hold_no_head_back() {
    let together = HttpReply::ok("x").bodies_together(3);
    let server = HttpSite::default().with_reply("/a", together).start().await;
    let client = Client::new();
    let mut bodies = Vec::new();
    for so_far in 1..=2 {
        let head = client.get(server.url("/a")).send().await.unwrap();
        bodies.push(tokio::spawn(head.text()));
        let load = server.load();
        assert_eq!((load.in_flight, load.answered), (so_far, 0));
    }
    let last = client.get(server.url("/a")).send().await.unwrap();
    assert_eq!(last.text().await.unwrap(), "x");
    for body in bodies {
        assert_eq!(body.await.unwrap().unwrap(), "x");
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_listens_no_longer() {
    let server = HttpSite::default().start().await;
    let url = server.url("/");
    let dropped = async {
        drop(server);
        // Each with a connection of its own.
        while Client::new().get(&url).send().await.is_ok() {}
    };
    timeout(PATIENCE, dropped).await.unwrap();
}

#[test]
#[should_panic(expected = "the script of /a has no reply")]
fn a_script_without_a_reply_is_a_mistake() {
    let _ = HttpSite::default().with_replies("/a", []);
}

#[tokio::test]
async fn a_client_that_goes_away_is_counted() {
    let site = HttpSite::default().with_reply("/a", HttpReply::hang());
    let server = site.start().await;
    let request = tokio::spawn(Client::new().get(server.url("/a")).send());
    server.until(|load| load.in_flight == 1).await;
    request.abort();
    server.until(|load| load.dropped == 1).await;
    assert_eq!(server.load().in_flight, 0);
}

#[tokio::test]
async fn a_body_that_is_not_read_keeps_its_request_in_flight() {
    let site = HttpSite::default().with_reply("/a", HttpReply::ok("x").body_hangs());
    let server = site.start().await;
    let response = Client::new().get(server.url("/a")).send().await.unwrap();
    assert_eq!(server.load().in_flight, 1);
    drop(response);
    server.until(|load| load.dropped == 1).await;
}
#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_after_the_head() {
    let site = HttpSite::default().with_reply("/a", HttpReply::ok("half").breaks_off());
    let server = site.start().await;
    let mut response = Client::new().get(server.url("/a")).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().as_deref(), Some(&b"half"[..]));
    response.chunk().await.unwrap_err();
    server.until(|load| load.dropped == 1).await;
    assert_eq!((server.load().in_flight, server.load().answered), (0, 0));
}

#[tokio::test]
async fn a_redirect_leads_to_another_path() {
    let site = HttpSite::default()
        .with_reply("/old", HttpReply::redirect("/new"))
        .with_reply("/new", HttpReply::ok("here"));
    let server = site.start().await;
    let response = Client::new().get(server.url("/old")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "here");
    assert_eq!((server.requests("/old"), server.requests("/new")), (1, 1));
    for path in ["/new", "/else"] {
        let reply = HttpReply::redirect(path).retry_after("120");
        let server = HttpSite::default().with_reply("/old", reply).start().await;
        let stays = reqwest::redirect::Policy::none();
        let client = Client::builder().redirect(stays).build().unwrap();
        let response = client.get(server.url("/old")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 302);
        assert_eq!(response.headers()["location"], path);
        assert_eq!(response.headers()["retry-after"], "120");
    }
}
