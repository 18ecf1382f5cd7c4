use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use std::io;

fn any_duration() -> impl Strategy<Value = Duration> {
    let edge = prop_oneof![Just(Duration::ZERO), Just(Duration::MAX)];
    let any = (any::<u64>(), 0..1_000_000_000_u32);
    prop_oneof![
        1 => edge,
        2 => any.prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        2 => (0..10_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

fn any_count() -> impl Strategy<Value = NonZeroU32> {
    let edge = prop_oneof![Just(1), Just(u32::MAX)];
    prop_oneof![1 => edge, 2 => 1..100_u32, 2 => 1..=u32::MAX]
        .prop_map(|count| NonZeroU32::new(count).expect("counts start at 1"))
}

prop_compose! {
    fn any_retry()(
        attempts in any_count(),
        base in any_duration(),
        factor in any_count(),
        cap in any_duration(),
        budget in proptest::option::of(any_duration()),
        least in any_duration(),
    ) -> Retry {
        Retry { attempts, base, factor, cap, limit: None, budget, least }
    }
}

/// Asks for a wait.
struct Busy(Option<Duration>);

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0
    }
}

proptest! {
    #[test]
    fn no_policy_overflows_and_no_draw_passes_the_cap(
        retry in any_retry(),
        attempt in any_count(),
        asked in proptest::option::of(any_duration()),
        seed in any::<u64>(),
    ) {
        let attempt = attempt.get().min(retry.attempts.get());
        let failure = Failure::Error(Busy(asked));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let wait = retry.wait_after(attempt, &failure, retry.budget, &mut rng);
        if let Ok(wait) = wait {
            let most = |time: Duration| whole_millis(time.as_nanos());
            let asked = most(asked.unwrap_or_default());
            let waited = most(wait);
            prop_assert!(waited >= asked);
            prop_assert!(waited - asked <= most(retry.cap));
            prop_assert!(retry.budget.is_none_or(|budget| wait < budget));
        } else {
            let spent = retry.budget.is_some();
            prop_assert!(spent || attempt == retry.attempts.get());
        }
    }

    #[test]
    fn the_longest_wait_grows_until_the_cap(retry in any_retry()) {
        let waits: Vec<_> = retry.waits().take(200).collect();
        prop_assert!(waits.is_sorted());
        prop_assert_eq!(waits.len(), 200.min(retry.attempts.get() as usize - 1));
    }
}

#[test]
fn the_growth_is_exact() {
    let retry = Retry {
        attempts: NonZeroU32::MAX,
        base: Duration::from_nanos(1),
        cap: Duration::MAX,
        ..Retry::default()
    };
    let nanos = |attempt: u32| (1_u128 << (attempt - 1)).div_ceil(1_000_000);
    for attempt in [1, 20, 21, 40, 64, 80] {
        assert_eq!(u128::from(retry.longest_after(attempt)), nanos(attempt));
    }
    assert_eq!(retry.longest_after(u32::MAX), u64::MAX);
    // 2^119 s are 5^9 times 2^128 ns: wrapped, that would be no wait at all.
    let second = Retry { base: Duration::from_secs(1), ..retry };
    assert_eq!(second.longest_after(120), u64::MAX);
}

#[test]
fn it_says_why_it_gave_up() {
    let says = |reason, last| RetryError { reason, attempts: 3, last }.to_string();
    let error = || Failure::Error(io::Error::other("the source says this"));
    assert_eq!(says(GaveUp::Permanent, error()), "permanent failure at attempt 3");
    assert_eq!(says(GaveUp::Exhausted, error()), "out of attempts at attempt 3");
    let timed_out = Failure::TimedOut(Duration::from_millis(50));
    let late = "out of time at attempt 3: no answer within 50ms";
    assert_eq!(says(GaveUp::BudgetSpent, timed_out), late);
}

#[test]
fn an_error_asks_for_no_wait_unless_it_says_so() {
    let last = Failure::TimedOut::<Busy>(Duration::ZERO);
    assert_eq!(last.retry_after(), None);
    let gave_up = RetryError { reason: GaveUp::Exhausted, attempts: 1, last };
    assert_eq!(gave_up.retry_after(), None);
}

#[test]
fn the_default_is_bounded() {
    let retry = Retry::default();
    assert_eq!((retry.attempts.get(), retry.factor.get()), (3, 2));
    assert_eq!(
        retry.waits().collect::<Vec<_>>(),
        [100, 200].map(Duration::from_millis)
    );
    let limits = (retry.cap, retry.limit, retry.budget);
    let (five, twenty) = (Duration::from_secs(5), Duration::from_secs(20));
    assert_eq!(limits, (five, Some(five), Some(twenty)));
}
