use super::*;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt::Debug;
use std::future::{self, Ready};
use std::time::Duration;

use backend::alive::Guard;
use backend::{Alive, Load, Page, Reply, Site, SiteError, cancel};
use futures::future::join_all;
use tokio::time::Instant;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A profile that says where the posts are; each answer takes 100 ms, errors too.
fn site() -> Site {
    Site::default()
        .with_reply("/ada", Reply::page(ms(100), "/posts/7"))
        .with_reply("/posts/7", Reply::page(ms(100), "hello"))
        .with_reply("/friends", Reply::page(ms(100), "bob"))
        .with_reply("/nobody", Reply::status(ms(100), 410))
}

fn body(
    site: &Site,
    path: &str,
) -> impl Future<Output = Result<String, SiteError>> + Send + use<> {
    site.fetch(path).map_ok(|page| page.body)
}

fn gone(path: &str) -> SiteError {
    SiteError::Status { path: path.to_owned(), code: 410, retry_after: None }
}

/// The output of both, which is the same and takes the same time; and that time.
async fn same<T, A, B>(combined: A, awaited: B) -> (T, Duration)
where
    T: Debug + PartialEq,
    A: Future<Output = T>,
    B: Future<Output = T>,
{
    let start = Instant::now();
    let output = combined.await;
    let took = start.elapsed();
    assert_eq!(awaited.await, output);
    assert_eq!(start.elapsed(), took * 2);
    (output, took)
}

#[tokio::test(start_paused = true)]
async fn map_sees_the_whole_output_errors_included() {
    let site = site();
    for (path, outcome) in
        [("/ada", Ok("/posts/7".to_owned())), ("/nobody", Err(gone("/nobody")))]
    {
        let combined = labelled(path, body(&site, path));
        let awaited = labelled_awaited(path, body(&site, path));
        assert_eq!(same(combined, awaited).await, ((path, outcome), ms(100)));
    }
}

#[tokio::test(start_paused = true)]
async fn map_ok_changes_the_success_and_lets_the_error_pass() {
    let site = site();
    for (path, outcome) in
        [("/ada", Ok("/POSTS/7".to_owned())), ("/nobody", Err(gone("/nobody")))]
    {
        let combined = in_capitals(body(&site, path));
        let awaited = in_capitals_awaited(body(&site, path));
        assert_eq!(same(combined, awaited).await, (outcome, ms(100)));
    }
}

#[tokio::test(start_paused = true)]
async fn map_err_changes_the_error_and_lets_the_success_pass() {
    let site = site();
    for name in ["profile", "posts"] {
        let error = StepError { step: name, source: gone("/nobody") };
        assert_eq!(error.source().unwrap().to_string(), "/nobody: status 410");
        assert_eq!(error.to_string(), format!("{name} failed"));
        for (path, outcome) in
            [("/ada", Ok("/posts/7".to_owned())), ("/nobody", Err(error))]
        {
            let combined = step(name, body(&site, path));
            let awaited = step_awaited(name, body(&site, path));
            assert_eq!(same(combined, awaited).await, (outcome, ms(100)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn posts_that_need_the_profile_take_the_sum_of_both() {
    let site = site();
    let posts = |place: String| body(&site, &place);
    let combined = wall(body(&site, "/ada"), posts);
    let awaited = wall_awaited(body(&site, "/ada"), posts);
    assert_eq!(same(combined, awaited).await, (Ok("hello".to_owned()), ms(100 + 100)));
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_next_step_is_never_made() {
    let site = site();
    let made = Cell::new(0);
    let posts = |place: String| {
        made.set(made.get() + 1);
        body(&site, &place)
    };
    let combined = wall(body(&site, "/nobody"), posts);
    let awaited = wall_awaited(body(&site, "/nobody"), posts);
    assert_eq!(same(combined, awaited).await, (Err(gone("/nobody")), ms(100)));
    assert_eq!((made.get(), site.load().calls), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_success_means_that_the_fallback_is_never_asked() {
    let site = site();
    let made = Cell::new(0);
    let friends = |_: SiteError| {
        made.set(made.get() + 1);
        body(&site, "/friends")
    };
    let combined = with_fallback(body(&site, "/ada"), friends);
    let awaited = with_fallback_awaited(body(&site, "/ada"), friends);
    assert_eq!(same(combined, awaited).await, (Ok("/posts/7".to_owned()), ms(100)));
    assert_eq!((made.get(), site.calls("/friends")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_told_why_the_first_failed() {
    let site = site();
    let friends = |error: SiteError| {
        assert_eq!(error, gone("/nobody"));
        body(&site, "/friends")
    };
    let combined = with_fallback(body(&site, "/nobody"), friends);
    let awaited = with_fallback_awaited(body(&site, "/nobody"), friends);
    assert_eq!(same(combined, awaited).await, (Ok("bob".to_owned()), ms(100 + 100)));
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_the_error_is_that_of_the_fallback() {
    let site = site();
    let nowhere = |_: SiteError| body(&site, "/nowhere");
    let combined = with_fallback(body(&site, "/nobody"), nowhere);
    let awaited = with_fallback_awaited(body(&site, "/nobody"), nowhere);
    let error = SiteError::NotFound { path: "/nowhere".to_owned() };
    assert_eq!(same(combined, awaited).await, (Err(error), ms(100)));
    // It may be of another type.
    let nothing = |_: SiteError| future::ready(Err::<String, _>("no friends"));
    let combined = with_fallback(body(&site, "/nobody"), nothing);
    let awaited = with_fallback_awaited(body(&site, "/nobody"), nothing);
    assert_eq!(same(combined, awaited).await, (Err("no friends"), ms(100)));
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_need_each_other_take_the_longer_of_both() {
    let site = site();
    let start = Instant::now();
    let both = together(body(&site, "/ada"), body(&site, "/friends")).await;
    assert_eq!(both, Ok(("/posts/7".to_owned(), "bob".to_owned())));
    assert_eq!((start.elapsed(), site.load().peak), (ms(100), 2));
}

#[tokio::test(start_paused = true)]
async fn the_first_error_ends_both_calls() {
    let site = site().with_page("/slow", ms(900));
    let start = Instant::now();
    let both = together(body(&site, "/nobody"), body(&site, "/slow")).await;
    assert_eq!((both, start.elapsed()), (Err(gone("/nobody")), ms(100)));
    assert_eq!((site.load().dropped, site.load().in_flight), (1, 0));
    let both = together(body(&site, "/slow"), body(&site, "/nobody")).await;
    assert_eq!((both, start.elapsed()), (Err(gone("/nobody")), ms(200)));
    assert_eq!((site.load().dropped, site.load().in_flight), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_before_the_first_poll() {
    let site = site();
    let ada = || body(&site, "/ada");
    let posts = |place: String| body(&site, &place);
    let never = |_: SiteError| -> Ready<Result<String, SiteError>> {
        panic!("asked before the first poll")
    };
    drop((labelled(1, ada()), labelled_awaited(1, ada())));
    drop((in_capitals(ada()), in_capitals_awaited(ada())));
    drop((step("profile", ada()), step_awaited("profile", ada())));
    drop((wall(ada(), posts), wall_awaited(ada(), posts)));
    drop((with_fallback(ada(), never), with_fallback_awaited(ada(), never)));
    drop((together(ada(), ada()), NameLookup::new(ada()).into_future()));
    drop(NameLookup::new(ada()).in_capitals());
    let never = async |_: &String| -> Result<String, SiteError> {
        panic!("asked before the first poll")
    };
    drop(page(ada(), never));
    assert_eq!(site.load(), Load::default());
}

/// Drops the chain at each of its awaits, on a site of its own, and says each time what the site
/// has seen of it: calls for the profile, calls for the posts, answered, dropped.
async fn dropped_at_each_await<Fut>(chain: impl Fn(Site) -> Fut) -> Vec<[usize; 4]>
where
    Fut: Future<Output = Result<String, SiteError>>,
{
    let last = RefCell::new(Site::default());
    let mut seen = Vec::new();
    let make = || {
        last.replace(site());
        chain(last.borrow().clone())
    };
    cancel::at_every_await(make, |_, _| {
        let site = last.borrow();
        let load = site.load();
        let calls = [site.calls("/ada"), site.calls("/posts/7")];
        seen.push([calls[0], calls[1], load.answered, load.dropped]);
    })
    .await;
    seen
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_chain_is_a_point_to_be_dropped_at() {
    let combined = |site: Site| {
        wall(body(&site, "/ada"), move |place: String| body(&site, &place))
    };
    let awaited = |site: Site| {
        wall_awaited(body(&site, "/ada"), move |place: String| body(&site, &place))
    };
    let seen = [
        // Before the first poll nothing was asked.
        [0, 0, 0, 0],
        // In the first step: it is dropped, and the second never starts.
        [1, 0, 0, 1],
        // In the second: the work of the first is done.
        [1, 1, 1, 1],
        [1, 1, 2, 0],
    ];
    assert_eq!(dropped_at_each_await(combined).await, seen);
    assert_eq!(dropped_at_each_await(awaited).await, seen);
}

#[tokio::test(start_paused = true)]
async fn dropped_in_the_first_source_the_fallback_is_never_asked() {
    let site = site();
    let friends = |_: SiteError| body(&site, "/friends");
    let combined = with_fallback(body(&site, "/nobody"), friends);
    assert_eq!(cancel::after_polls(1, combined).await, None);
    let awaited = with_fallback_awaited(body(&site, "/nobody"), friends);
    assert_eq!(cancel::after_polls(1, awaited).await, None);
    assert_eq!((site.load().dropped, site.calls("/friends")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_they_wait_both_calls_are_dropped() {
    let site = site();
    let both = together(body(&site, "/ada"), body(&site, "/friends"));
    assert_eq!(cancel::after_polls(1, both).await, None);
    assert_eq!((site.load().dropped, site.load().in_flight), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_next_step_may_borrow_what_the_first_returned() {
    let site = site();
    let start = Instant::now();
    let posts = async |place: &String| body(&site, place).await;
    let both = page(body(&site, "/ada"), posts).await;
    assert_eq!(both, Ok(("/posts/7".to_owned(), "hello".to_owned())));
    assert_eq!(start.elapsed(), ms(100 + 100));
    let both = page(body(&site, "/nobody"), posts).await;
    assert_eq!((both, site.calls("/posts/7")), (Err(gone("/nobody")), 1));
    let both =
        page(body(&site, "/ada"), async |_: &String| body(&site, "/nobody").await)
            .await;
    assert_eq!(both, Err(gone("/nobody")));
}

#[tokio::test(start_paused = true)]
async fn a_block_that_owns_the_profile_may_borrow_it() {
    let site = site();
    let start = Instant::now();
    let posts = async |place: &String| body(&site, place).await;
    assert_eq!(posts_of(body(&site, "/ada"), posts).await, Ok("hello".to_owned()));
    assert_eq!(start.elapsed(), ms(100 + 100));
    let none = posts_of(body(&site, "/nobody"), posts).await;
    assert_eq!((none, site.calls("/posts/7")), (Err(gone("/nobody")), 1));
}

#[tokio::test(start_paused = true)]
async fn dropped_in_the_second_step_it_drops_the_profile_too() {
    let (site, alive) = (site(), Alive::default());
    let make = || {
        let (site, guard) = (site.clone(), alive.guard());
        let profile = async move { Ok::<_, SiteError>(guard) };
        page(profile, async move |_: &Guard| body(&site, "/friends").await)
    };
    let drops = cancel::at_every_await(make, |_, end| {
        drop(end);
        assert_eq!(alive.count(), 0);
    });
    assert_eq!((drops.await, alive.dropped(), site.load().dropped), (2, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_future_with_a_name_stands_where_a_type_is_wanted() {
    type Name = MapOk<Ready<Result<String, SiteError>>, fn(String) -> String>;
    struct Screen {
        names: [Name; 2],
    }
    let found = || future::ready(Ok("ada".to_owned()));
    let plain = NameLookup::new(found());
    let capitals = NameLookup::new(found()).in_capitals();
    let screen = Screen { names: [plain.into_future(), capitals.into_future()] };
    let names = join_all(screen.names).await;
    assert_eq!(names, [Ok("ada".to_owned()), Ok("ADA".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_is_awaited_as_it_stands() {
    let site = site();
    let start = Instant::now();
    assert_eq!(NameLookup::new(body(&site, "/ada")).await, Ok("/posts/7".to_owned()));
    let capitals = NameLookup::new(body(&site, "/ada")).in_capitals();
    assert_eq!(capitals.await, Ok("/POSTS/7".to_owned()));
    assert_eq!(NameLookup::new(body(&site, "/nobody")).await, Err(gone("/nobody")));
    assert_eq!(start.elapsed(), ms(300));
}

#[tokio::test(start_paused = true)]
async fn each_of_them_can_be_spawned() {
    let site = site();
    let ada = || body(&site, "/ada");
    let posts = |site: &Site| {
        let site = site.clone();
        move |place: String| body(&site, &place)
    };
    let friends = |site: &Site| {
        let site = site.clone();
        move |_: SiteError| body(&site, "/friends")
    };
    let name = NameLookup::new(ada()).in_capitals().into_future();
    let label = tokio::spawn(labelled(1, ada())).await.unwrap();
    assert_eq!(label, tokio::spawn(labelled_awaited(1, ada())).await.unwrap());
    let tasks = [
        tokio::spawn(in_capitals(ada())),
        tokio::spawn(in_capitals_awaited(ada())),
        tokio::spawn(wall(ada(), posts(&site))),
        tokio::spawn(wall_awaited(ada(), posts(&site))),
        tokio::spawn(with_fallback(ada(), friends(&site))),
        tokio::spawn(with_fallback_awaited(ada(), friends(&site))),
        tokio::spawn(name),
    ];
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    tokio::spawn(step("profile", ada())).await.unwrap().unwrap();
    tokio::spawn(step_awaited("profile", ada())).await.unwrap().unwrap();
    tokio::spawn(together(ada(), ada())).await.unwrap().unwrap();
    let (profile, site) = (ada(), site.clone());
    let posts = async move |place: &String| body(&site, place).await;
    tokio::spawn(page(profile, posts)).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_after_the_other_two_calls_take_the_sum() {
    let site = site();
    let start = Instant::now();
    let both =
        naive::one_after_the_other(body(&site, "/ada"), body(&site, "/friends")).await;
    assert_eq!(both, Ok(("/posts/7".to_owned(), "bob".to_owned())));
    assert_eq!((start.elapsed(), site.load().peak), (ms(200), 1));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_by_value_is_asked_each_time() {
    let site = site();
    let start = Instant::now();
    let found =
        naive::fallback_at_once(body(&site, "/ada"), body(&site, "/friends")).await;
    assert_eq!(found, Ok("/posts/7".to_owned()));
    assert_eq!((start.elapsed(), site.calls("/friends")), (ms(200), 1));
    let found =
        naive::fallback_at_once(body(&site, "/nobody"), body(&site, "/friends")).await;
    assert_eq!(found, Ok("bob".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_future_made_by_map_is_never_run() {
    let site = site();
    let made = Cell::new(0);
    let log = |_: Result<Page, SiteError>| {
        made.set(made.get() + 1);
        site.fetch("/friends").map(|friends| assert!(friends.is_ok()))
    };
    naive::look_up_and_log(site.fetch("/ada"), log).await;
    assert_eq!((made.get(), site.calls("/ada"), site.calls("/friends")), (1, 1, 0));
    look_up_and_log(site.fetch("/ada"), log).await;
    assert_eq!((made.get(), site.calls("/ada"), site.calls("/friends")), (2, 2, 1));
}
