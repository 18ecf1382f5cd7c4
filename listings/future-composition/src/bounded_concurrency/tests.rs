use super::*;
use backend::cancel::at_every_await;
use backend::{Alive, HttpReply, HttpServer, HttpSite, Load, Site};
use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const PATHS: [&str; 5] = ["slow", "b", "c", "d", "e"];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One page of 100 ms, four of 20 ms.
fn one_slow_page() -> Site {
    let slow = Site::default().with_page("slow", ms(100));
    let quick = |site: Site, path: &&str| site.with_page(path, ms(20));
    PATHS[1..].iter().fold(slow, quick)
}

/// Fetches from a clone of `site`, so that the future owns all it needs.
fn fetch_from(site: &Site) -> impl Fn(&'static str) -> Fetch + Clone + use<> {
    let site = site.clone();
    move |path| {
        let site = site.clone();
        Box::pin(async move { (path, site.fetch(path).await.is_ok()) })
    }
}
type Fetch = Pin<Box<dyn Future<Output = (&'static str, bool)> + Send>>;

/// Fetches in the same way, and notes when each began.
fn noting_starts<'a>(
    starts: &'a Mutex<Vec<Duration>>,
) -> impl Fn(&'static str) -> Noted<'a> {
    let (site, start) = (one_slow_page(), Instant::now());
    move |path| {
        let fetch = site.fetch(path);
        Box::pin(async move {
            starts.lock().unwrap().push(start.elapsed());
            fetch.await.map(drop).unwrap();
        })
    }
}
type Noted<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

// A few at a time.

#[tokio::test(start_paused = true)]
async fn a_slow_page_holds_up_nobody() {
    let start = Instant::now();
    let answers: Vec<_> =
        few_at_a_time(PATHS, TWO, fetch_from(&one_slow_page())).collect().await;
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!(answers.last(), Some(&("slow", true)));
}

#[tokio::test(start_paused = true)]
async fn a_place_is_taken_again_as_soon_as_it_is_free() {
    let starts = Mutex::default();
    few_at_a_time(PATHS, TWO, noting_starts(&starts)).collect::<Vec<_>>().await;
    assert_eq!(starts.into_inner().unwrap(), [0, 0, 20, 40, 60].map(ms));
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_limit() {
    let site = one_slow_page();
    few_at_a_time(PATHS, TWO, fetch_from(&site)).collect::<Vec<_>>().await;
    assert_eq!(site.load().peak, 2);
}

#[tokio::test(start_paused = true)]
async fn a_missing_page_fails_alone() {
    let answers: Vec<_> =
        few_at_a_time(["nowhere", "b"], TWO, fetch_from(&one_slow_page()))
            .collect()
            .await;
    assert_eq!(answers, [("nowhere", false), ("b", true)]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_crawl_drops_its_requests() {
    let site = one_slow_page();
    let crawl = few_at_a_time(PATHS, TWO, fetch_from(&site)).collect::<Vec<_>>();
    timeout(ms(10), crawl).await.unwrap_err();
    let load = site.load();
    assert_eq!((load.in_flight, load.dropped, load.peak), (0, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_crawl_can_be_spawned() {
    let site = one_slow_page();
    let crawl = few_at_a_time(PATHS, TWO, fetch_from(&site)).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(crawl).await.unwrap().len(), 5);
    let crawl = in_input_order(PATHS, TWO, fetch_from(&site));
    assert_eq!(tokio::spawn(crawl).await.unwrap().len(), 5);
    let crawl = few_per_host([PATHS], TWO, TWO, fetch_from(&site)).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(crawl).await.unwrap().len(), 5);
    let crawl = each_on_a_task(PATHS, Arc::new(Semaphore::new(2)), fetch_from(&site));
    assert_eq!(tokio::spawn(crawl).await.unwrap().unwrap().join_all().await.len(), 5);
    let crawl = fetch_pages(Client::new(), [], TWO).collect::<Vec<_>>();
    assert_eq!(tokio::spawn(crawl).await.unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn borrowed_items_do_where_the_crawl_is_awaited() {
    let (site, paths) = (one_slow_page(), PATHS.map(String::from));
    let answers =
        few_at_a_time(&paths, TWO, |path| async { site.fetch(path).await.is_ok() });
    assert_eq!(answers.filter(|found| std::future::ready(*found)).count().await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_waits_for_ever_even_on_an_empty_list() {
    let hour = Duration::from_hours(1);
    for items in [vec![], vec![1]] {
        let unordered =
            stream::iter(items.clone()).map(std::future::ready).buffer_unordered(0);
        timeout(hour, unordered.count()).await.unwrap_err();
        let ordered = stream::iter(items).map(std::future::ready).buffered(0);
        timeout(hour, ordered.count()).await.unwrap_err();
    }
}

/// Counts pages that were taken, calls of the closure, and futures of it that exist.
#[derive(Clone, Default)]
struct Made {
    taken: Arc<AtomicUsize>,
    called: Arc<AtomicUsize>,
    alive: Alive,
    most: Arc<AtomicUsize>,
}

impl Made {
    /// The same pages; each counts when it is taken.
    fn pages<I: IntoIterator>(
        &self,
        pages: I,
    ) -> impl Iterator<Item = I::Item> + use<I> {
        let taken = Arc::clone(&self.taken);
        pages.into_iter().inspect(move |_| _ = taken.fetch_add(1, Ordering::SeqCst))
    }

    /// Work of so many milliseconds.
    fn work(
        &self,
    ) -> impl Fn(u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Clone + use<> {
        let made = self.clone();
        move |after| {
            made.called.fetch_add(1, Ordering::SeqCst);
            let guard = made.alive.guard();
            made.most.fetch_max(made.alive.count(), Ordering::SeqCst);
            Box::pin(async move {
                sleep(ms(after)).await;
                drop(guard);
            })
        }
    }

    /// Taken, called, and the most that existed at one time.
    fn counts(&self) -> (usize, usize, usize) {
        let [taken, called, most] = [&self.taken, &self.called, &self.most]
            .map(|count| count.load(Ordering::SeqCst));
        (taken, called, most)
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_work_is_made_than_is_in_flight() {
    let made = Made::default();
    let items = made.pages([10, 20, 30, 40, 50, 60]);
    let mut answers = pin!(few_at_a_time(items, TWO, made.work()));
    assert_eq!(made.counts(), (0, 0, 0), "nothing before the first poll");
    for begun in [2, 3, 4, 5, 6, 6] {
        answers.next().await.unwrap();
        assert_eq!(made.counts(), (begun, begun, 2));
    }
    let made = Made::default();
    let in_order = in_input_order(made.pages(vec![1; 1_000]), TWO, made.work());
    assert_eq!(made.counts(), (0, 0, 0), "nothing before the first poll");
    in_order.await;
    assert_eq!(made.counts(), (1_000, 1_000, 2));
}

// In the order of the items.

#[tokio::test(start_paused = true)]
async fn sorted_at_the_end_a_slow_page_holds_up_nobody() {
    let start = Instant::now();
    let site = one_slow_page();
    let answers = in_input_order(PATHS, TWO, fetch_from(&site)).await;
    assert_eq!(answers, PATHS.map(|path| (path, true)));
    assert_eq!((start.elapsed(), site.load().peak), (ms(100), 2));
}

#[tokio::test(start_paused = true)]
async fn sorted_at_the_end_all_answers_are_kept() {
    let (answers, most) = (Alive::default(), AtomicUsize::new(0));
    let work = |after| {
        let (answers, most) = (&answers, &most);
        async move {
            sleep(ms(after)).await;
            let answer = answers.guard();
            most.fetch_max(answers.count(), Ordering::SeqCst);
            answer
        }
    };
    let items = [100, 20, 21, 22, 23];
    in_input_order(items, TWO, work).await;
    assert_eq!((most.swap(0, Ordering::SeqCst), answers.count()), (5, 0));
    naive::in_order(items, TWO, work).for_each(|answer| async { drop(answer) }).await;
    assert_eq!((most.into_inner(), answers.count()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_in_flight() {
    let site = one_slow_page();
    let crawl = || in_input_order(PATHS, TWO, fetch_from(&site));
    let points =
        at_every_await(crawl, |_, _| assert_eq!(site.load().in_flight, 0)).await;
    assert!(points >= 5, "{points}");
    let crawl = || few_per_host([PATHS, PATHS], TWO, TWO, fetch_from(&site)).count();
    let points =
        at_every_await(crawl, |_, _| assert_eq!(site.load().in_flight, 0)).await;
    assert!(points >= 5, "{points}");
}

// Several hosts.

#[tokio::test(start_paused = true)]
async fn no_host_gets_more_than_its_share() {
    let hosts = [one_slow_page(), one_slow_page(), one_slow_page()];
    let (all, most) = (Alive::default(), AtomicUsize::new(0));
    let fetch = |(host, path): (usize, &'static str)| {
        let (fetch, all, most) = (hosts[host].fetch(path), &all, &most);
        async move {
            let _guard = all.guard();
            most.fetch_max(all.count(), Ordering::SeqCst);
            fetch.await.unwrap()
        }
    };
    let pages = (0..3).map(|host| PATHS.map(|path| (host, path)));
    let limit = NonZeroUsize::new(4).unwrap();
    let count = few_per_host(pages, TWO, limit, &fetch).count().await;
    assert_eq!((count, most.into_inner()), (15, 4));
    assert_eq!(hosts.map(|host| host.load().peak), [2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn five_thousand_hosts_make_no_more_work_than_the_limit() {
    let made = Made::default();
    let hosts = (0..5_000).map(|_| made.pages([10; 2]));
    let limit = NonZeroUsize::new(4).unwrap();
    let (mut pages, start) =
        (pin!(few_per_host(hosts, TWO, limit, made.work())), Instant::now());
    assert_eq!(made.counts(), (0, 0, 0), "nothing before the first poll");
    pages.next().await.unwrap();
    assert_eq!(made.counts(), (4, 4, 4));
    assert_eq!(pages.count().await, 9_999);
    assert_eq!((made.counts(), start.elapsed()), ((10_000, 10_000, 4), ms(25_000)));
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_is_no_limit() {
    let made = Made::default();
    let hosts = (0..100).map(|_| made.pages([10; 2]));
    let most = NonZeroUsize::MAX;
    assert_eq!(few_per_host(hosts, most, most, made.work()).count().await, 200);
    assert_eq!(made.counts(), (200, 200, 200));
    let made = Made::default();
    let items = made.pages([10; 200]);
    assert_eq!(few_at_a_time(items, most, made.work()).count().await, 200);
    assert_eq!(made.counts(), (200, 200, 200));
}

/// A host with four pages of 100 ms, and one with four of 20 ms.
fn a_slow_and_a_quick_host() -> Site {
    let site = Site::default();
    (0..4).fold(site, |site, n| {
        site.with_page(&format!("slow/{n}"), ms(100))
            .with_page(&format!("quick/{n}"), ms(20))
    })
}

#[tokio::test(start_paused = true)]
async fn a_slow_host_holds_up_only_itself() {
    let (site, start) = (a_slow_and_a_quick_host(), Instant::now());
    let pages =
        ["slow", "quick"].map(|host| (0..4).map(move |n| format!("{host}/{n}")));
    let fetch = |path: String| {
        let fetch = site.fetch(&path);
        async move {
            fetch.await.unwrap();
            (path.starts_with("quick"), start.elapsed())
        }
    };
    let came: Vec<_> = few_per_host(pages, ONE, TWO, fetch).collect().await;
    let last_quick = came.iter().filter(|(quick, _)| *quick).map(|(_, at)| *at).max();
    assert_eq!((last_quick, start.elapsed()), (Some(ms(80)), ms(400)));
}

#[tokio::test(start_paused = true)]
async fn a_host_with_many_pages_leaves_a_place_for_one_with_few() {
    let start = Instant::now();
    let work = |host| async move {
        sleep(ms(10)).await;
        (host, start.elapsed())
    };
    let hosts = [vec!["many"; 100], vec!["few"]];
    let answers: Vec<_> = few_per_host(hosts, TWO, TWO, work).collect().await;
    let few = answers.iter().find(|(host, _)| *host == "few").unwrap();
    assert_eq!((few.1, start.elapsed()), (ms(20), ms(510)));
}

#[tokio::test(start_paused = true)]
async fn in_a_host_too_a_slow_page_holds_up_nobody() {
    let start = Instant::now();
    let pages = few_per_host([PATHS], TWO, TWO, fetch_from(&one_slow_page()));
    let pages: Vec<_> = pages.collect().await;
    assert_eq!((pages.last(), start.elapsed()), (Some(&("slow", true)), ms(100)));
}

#[tokio::test(start_paused = true)]
async fn in_one_window_a_slow_host_holds_up_the_others() {
    let (site, start) = (a_slow_and_a_quick_host(), Instant::now());
    let shares = ["slow", "quick"].map(|host| (host, Semaphore::new(1)));
    let shares = BTreeMap::from(shares);
    let pages =
        ["slow", "quick"].into_iter().flat_map(|host| (0..4).map(move |n| (host, n)));
    let fetch = |(host, n): (&'static str, usize)| {
        let (share, fetch) = (&shares[host], site.fetch(&format!("{host}/{n}")));
        async move {
            let _permit = share.acquire().await.unwrap();
            fetch.await.unwrap();
            (host == "quick", start.elapsed())
        }
    };
    let came: Vec<_> = few_at_a_time(pages, TWO, fetch).collect().await;
    let first_quick = came.iter().find(|(quick, _)| *quick).map(|(_, at)| *at);
    assert_eq!(first_quick, Some(ms(300 + 20)));
}

// On tasks.

/// Counts the futures that exist; each takes 1 ms.
fn counted(alive: &Alive, most: &Arc<AtomicUsize>) -> impl Fn(u32) -> Counted + use<> {
    let (alive, most) = (alive.clone(), Arc::clone(most));
    move |_| {
        let guard = alive.guard();
        most.fetch_max(alive.count(), Ordering::SeqCst);
        Box::pin(async move {
            sleep(ms(1)).await;
            drop(guard);
        })
    }
}
type Counted = Pin<Box<dyn Future<Output = ()> + Send>>;

#[tokio::test(start_paused = true)]
async fn a_permit_before_the_task_bounds_the_tasks() {
    let (alive, most) = (Alive::default(), Arc::default());
    let (start, permits) = (Instant::now(), Arc::new(Semaphore::new(2)));
    let tasks =
        each_on_a_task(0..10_000, permits, counted(&alive, &most)).await.unwrap();
    assert_eq!(tasks.join_all().await.len(), 10_000);
    assert_eq!((most.load(Ordering::SeqCst), start.elapsed()), (2, ms(5_000)));
}

#[tokio::test(start_paused = true)]
async fn a_permit_inside_the_task_parks_ten_thousand() {
    let (alive, most) = (Alive::default(), Arc::default());
    let (start, permits) = (Instant::now(), Arc::new(Semaphore::new(2)));
    let tasks = naive::all_on_tasks(0..10_000, &permits, counted(&alive, &most));
    let metrics = tokio::runtime::Handle::current().metrics();
    assert_eq!(metrics.num_alive_tasks(), 10_000);
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!((most.load(Ordering::SeqCst), start.elapsed()), (10_000, ms(5_000)));
}

#[test]
#[should_panic(expected = "no reactor running")]
fn outside_a_runtime_tasks_panic() {
    let crawl = each_on_a_task([1], Arc::new(Semaphore::new(1)), |_| async {});
    drop(futures::executor::block_on(crawl));
}

#[tokio::test(start_paused = true)]
async fn two_windows_of_two_put_four_requests_on_the_server() {
    let site = one_slow_page();
    let crawl = || few_at_a_time(PATHS, TWO, fetch_from(&site)).count();
    assert_eq!(tokio::join!(crawl(), crawl()), (5, 5));
    assert_eq!(site.load().peak, 4);
}

#[tokio::test(start_paused = true)]
async fn two_windows_with_one_semaphore_put_two_requests_on_the_server() {
    let (site, permits, start) = (one_slow_page(), Semaphore::new(2), Instant::now());
    let fetch = async |path| {
        let _permit = permits.acquire().await.unwrap();
        site.fetch(path).await.is_ok()
    };
    let crawl = |paths| few_at_a_time(paths, TWO, fetch).collect::<Vec<_>>();
    let quick = ["b", "c", "d", "e"];
    assert_eq!(
        tokio::join!(crawl(quick), crawl(quick)),
        (vec![true; 4], vec![true; 4])
    );
    assert_eq!((site.load().peak, start.elapsed()), (2, ms(80)));
}

#[tokio::test(start_paused = true)]
async fn two_crawls_share_one_limit() {
    let site = Site::default().with_page("/", ms(10));
    let permits = Arc::new(Semaphore::new(3));
    let crawl = || each_on_a_task(["/"; 6], Arc::clone(&permits), fetch_from(&site));
    let (start, (one, other)) = (Instant::now(), tokio::join!(crawl(), crawl()));
    let (one, other) = tokio::join!(one.unwrap().join_all(), other.unwrap().join_all());
    assert_eq!((one.len() + other.len(), site.load().peak), (12, 3));
    assert_eq!(start.elapsed(), ms(40));
}

#[tokio::test(start_paused = true)]
async fn dropped_tasks_give_their_permits_back() {
    let (site, permits) = (one_slow_page(), Arc::new(Semaphore::new(2)));
    let crawl = each_on_a_task(PATHS, Arc::clone(&permits), fetch_from(&site));
    timeout(ms(10), crawl).await.unwrap_err();
    yield_now().await;
    let load = Load { calls: 2, in_flight: 0, peak: 2, answered: 0, dropped: 2 };
    assert_eq!((site.load(), permits.available_permits()), (load, 2));

    let crawl =
        each_on_a_task(PATHS[..2].to_vec(), Arc::clone(&permits), fetch_from(&site));
    let tasks = crawl.await.unwrap();
    assert_eq!(permits.available_permits(), 0);
    drop(tasks);
    yield_now().await;
    assert_eq!((site.load().in_flight, permits.available_permits()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_gives_its_permit_back() {
    let permits = Arc::new(Semaphore::new(1));
    let work = |item| async move { assert_ne!(item, 1, "as the test wants") };
    let mut tasks = each_on_a_task([1, 2], Arc::clone(&permits), work).await.unwrap();
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_panic());
    tasks.join_next().await.unwrap().unwrap();
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_semaphore_ends_the_crawl() {
    let (site, permits) = (one_slow_page(), Arc::new(Semaphore::new(2)));
    let crawl = each_on_a_task(PATHS, Arc::clone(&permits), fetch_from(&site));
    let close = async {
        sleep(ms(10)).await;
        permits.close();
    };
    let (crawl, ()) = tokio::join!(crawl, close);
    crawl.unwrap_err();
    yield_now().await;
    assert_eq!((site.load().in_flight, site.load().dropped), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_run_at_the_same_time() {
    // Each task blocks its thread until the other is there as well.
    let both = Arc::new(Barrier::new(2));
    let permits = Arc::new(Semaphore::new(2));
    let meet = |_| {
        let both = Arc::clone(&both);
        async move { both.wait().is_leader() }
    };
    let tasks = each_on_a_task(0..2, permits, meet).await.unwrap();
    let leaders = tasks.join_all().await.into_iter().filter(|leader| *leader);
    assert_eq!(leaders.count(), 1);
}

// Real HTTP.

async fn serving(path: &str, reply: HttpReply) -> HttpServer {
    HttpSite::default().with_reply(path, reply).start().await
}

#[tokio::test]
async fn on_a_real_server_exactly_the_limit_is_in_flight() {
    // A page is answered only when two are asked for at the same time.
    let server = serving("/", HttpReply::ok("page").together(2)).await;
    let urls = (0..8).map(|_| server.url("/"));
    let pages: Vec<_> = fetch_pages(Client::new(), urls, TWO).collect().await;
    assert!(
        pages.iter().all(|(_, page)| page.as_ref().is_ok_and(|page| page == "page"))
    );
    let load = Load { calls: 8, in_flight: 0, peak: 2, answered: 8, dropped: 0 };
    assert_eq!((pages.len(), server.load()), (8, load));
}

#[tokio::test]
async fn the_client_that_is_given_makes_the_requests() {
    // Only this client knows where the host is.
    let server = serving("/", HttpReply::ok("page")).await;
    let url = reqwest::Url::parse(&server.url("/")).unwrap();
    let address = url.socket_addrs(|| None).unwrap()[0];
    let client = Client::builder().resolve("pages.invalid", address).build().unwrap();
    let urls = [format!("http://pages.invalid:{}/", address.port())];
    let pages = fetch_pages(client.clone(), urls.clone(), TWO);
    let pages: Vec<_> = pages.collect().await;
    assert_eq!(pages[0].1.as_ref().unwrap(), "page");
    let mut heads = pin!(naive::fetch_heads(client, urls, TWO));
    assert!(heads.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn each_url_comes_back_with_its_own_result() {
    let server = serving("/here", HttpReply::ok("page")).await;
    let [here, gone] = ["/here", "/gone"].map(|path| server.url(path));
    let urls = [gone.clone(), "nonsense".to_owned(), here.clone()];
    let pages: BTreeMap<_, _> = fetch_pages(Client::new(), urls, TWO).collect().await;
    assert_eq!(pages[&here].as_ref().unwrap(), "page");
    assert_eq!(pages[&gone].as_ref().unwrap_err().status().unwrap().as_u16(), 404);
    assert!(pages["nonsense"].as_ref().unwrap_err().is_builder());
}

#[tokio::test]
async fn the_body_is_read_inside_the_window() {
    // A body is sent only when two are wanted at the same time.
    let server = serving("/", HttpReply::ok("page").bodies_together(2)).await;
    let urls = (0..8).map(|_| server.url("/"));
    let pages: Vec<_> = fetch_pages(Client::new(), urls, TWO).collect().await;
    assert!(pages.iter().all(|(_, page)| page.is_ok()));
    assert_eq!((server.load().calls, server.load().peak), (8, 2));
}

#[tokio::test]
async fn with_the_body_outside_the_server_sees_them_all_at_once() {
    let server = serving("/", HttpReply::ok("page").body_hangs()).await;
    let urls = (0..8).map(|_| server.url("/"));
    let heads: Vec<_> = naive::fetch_heads(Client::new(), urls, TWO).collect().await;
    assert!(heads.iter().all(Result::is_ok));
    assert_eq!((server.load().in_flight, server.connections()), (8, 8));
    drop(heads);
    server.until(|load| load.dropped == 8).await;
}

#[tokio::test]
async fn a_page_that_hangs_keeps_one_place_and_no_more() {
    let site = HttpSite::default().with_reply("/hangs", HttpReply::hang());
    let server = site.with_reply("/", HttpReply::ok("page")).start().await;
    let urls =
        [server.url("/hangs")].into_iter().chain((0..6).map(|_| server.url("/")));
    let mut pages = Box::pin(fetch_pages(Client::new(), urls, TWO));
    for _ in 0..6 {
        // In a window that stops behind it, the next page would never come.
        let page = timeout(Duration::from_secs(10), pages.next()).await;
        assert_eq!(page.unwrap().unwrap().1.unwrap(), "page");
    }
    assert_eq!((server.load().in_flight, server.load().peak), (1, 2));
    drop(pages);
    server.until(|load| load.dropped == 1).await;
}

#[tokio::test]
async fn a_dropped_crawl_hangs_up() {
    let server = serving("/", HttpReply::hang()).await;
    let urls: Vec<_> = (0..8).map(|_| server.url("/")).collect();
    let mut crawl =
        tokio::spawn(fetch_pages(Client::new(), urls, TWO).collect::<Vec<_>>());
    tokio::select! {
        ended = &mut crawl => panic!("nothing hung: {ended:?}"),
        () = server.until(|load| load.in_flight >= 2) => crawl.abort(),
    }
    server.until(|load| load.in_flight == 0).await;
    assert_eq!((server.load().calls, server.load().dropped), (2, 2));
}

#[tokio::test]
async fn one_client_uses_its_connections_again() {
    let server = serving("/", HttpReply::ok("page")).await;
    let urls = (0..100).map(|_| server.url("/"));
    let pages = fetch_pages(Client::new(), urls, TWO);
    assert_eq!(
        pages.filter(|(_, page)| std::future::ready(page.is_ok())).count().await,
        100
    );
    // Two, as a rule. One more whenever a request comes before the last connection is back in
    // the pool, for it is put back by a task of its own.
    assert!(server.connections() <= 10, "{}", server.connections());
}

#[tokio::test]
async fn a_client_per_page_opens_a_connection_for_each() {
    let server = serving("/", HttpReply::ok("page")).await;
    let urls = (0..100).map(|_| server.url("/"));
    let fetch = |url: String| async move { whole_page(&Client::new(), &url).await };
    assert_eq!(few_at_a_time(urls, TWO, fetch).count().await, 100);
    assert_eq!(server.connections(), 100);
}

// The naive ones.

#[tokio::test(start_paused = true)]
async fn in_chunks_each_chunk_waits_for_its_slowest() {
    let start = Instant::now();
    naive::in_chunks(PATHS.to_vec(), TWO, fetch_from(&one_slow_page())).await;
    assert_eq!(start.elapsed(), ms(100 + 20 + 20));
}

#[tokio::test(start_paused = true)]
async fn in_chunks_a_free_place_waits_for_the_next_chunk() {
    let starts = Mutex::default();
    naive::in_chunks(PATHS.to_vec(), TWO, noting_starts(&starts)).await;
    assert_eq!(starts.into_inner().unwrap(), [0, 0, 100, 100, 120].map(ms));
}

#[tokio::test(start_paused = true)]
async fn in_order_a_finished_answer_still_takes_a_place() {
    let start = Instant::now();
    let answers = naive::in_order(PATHS, TWO, fetch_from(&one_slow_page()));
    assert_eq!(answers.collect::<Vec<_>>().await, PATHS.map(|path| (path, true)));
    assert_eq!(start.elapsed(), ms(100 + 20 + 20));
}
