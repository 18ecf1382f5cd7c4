use super::*;
use backend::Longest;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use tokio::time::advance;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn policy() -> Restart {
    Restart { restarts: NonZeroU16::new(3).unwrap(), ..Restart::default() }
}

#[test]
fn the_default_policy_is_valid() {
    assert_eq!(Restart::default().check(), Ok(()));
}

#[test]
fn what_would_restart_without_a_pause_or_without_an_end_is_refused() {
    use InvalidRestart::{AlwaysStable, CapBelowBase, NeverGivesUp, NoPause};
    let check = |policy: Restart| Restarts::new(policy).map(drop);
    let no_pause = Restart { base: Duration::from_nanos(999_999), ..policy() };
    assert_eq!(check(no_pause), Err(NoPause));
    assert_eq!(check(Restart { base: ms(1), ..policy() }), Ok(()));
    assert_eq!(check(Restart { cap: ms(99), ..policy() }), Err(CapBelowBase));
    assert_eq!(check(Restart { cap: ms(100), ..policy() }), Ok(()));
    assert_eq!(
        check(Restart { stable: Duration::ZERO, ..policy() }),
        Err(AlwaysStable)
    );
    // 100 + 200 + 400
    assert_eq!(check(Restart { window: ms(700), ..policy() }), Err(NeverGivesUp));
    assert_eq!(check(Restart { window: ms(701), ..policy() }), Ok(()));
}

#[test]
fn waits_double_until_the_cap() {
    let policy = Restart { cap: secs(1), ..policy() };
    let waits: Vec<_> = (1..=6).map(|nth| policy.longest_wait(nth)).collect();
    assert_eq!(waits, [ms(100), ms(200), ms(400), ms(800), secs(1), secs(1)]);
}

#[tokio::test(start_paused = true)]
async fn one_failure_more_in_the_window_is_one_too_many() {
    let mut restarts = Restarts::new(policy()).unwrap();
    for _ in 0..3 {
        assert!(restarts.next(Duration::ZERO, &mut Longest).is_some());
        advance(secs(19)).await;
    }
    // 57 s after the first
    assert_eq!(restarts.next(Duration::ZERO, &mut Longest), None);
    assert_eq!(restarts.next(Duration::ZERO, &mut Longest), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_window_does_not_count() {
    let mut restarts = Restarts::new(policy()).unwrap();
    for _ in 0..100 {
        assert!(restarts.next(Duration::ZERO, &mut Longest).is_some());
        advance(secs(20)).await; // three in a minute: the fourth comes at its end
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_stable_run_the_waits_begin_anew() {
    let mut restarts = Restarts::new(Restart::default()).unwrap();
    let mut next = |ran| restarts.next(ran, &mut Longest);
    assert_eq!(next(ms(0)), Some(ms(100)));
    assert_eq!(next(ms(29_999)), Some(ms(200)));
    assert_eq!(next(secs(30)), Some(ms(100)));
    assert_eq!(next(ms(0)), Some(ms(200)));
}

proptest! {
    #[test]
    fn no_policy_overflows_and_a_wait_is_at_least_half_of_the_longest(
        base in 1..=u64::MAX,
        factor in 1..=u32::MAX,
        cap in any::<u64>(),
        restarts in 1..50_u16,
        window in any::<u64>(),
        seed in any::<u64>(),
    ) {
        let policy = Restart {
            base: ms(base),
            factor: NonZeroU32::new(factor).unwrap(),
            cap: ms(cap),
            restarts: NonZeroU16::new(restarts).unwrap(),
            window: ms(window),
            ..Restart::default()
        };
        let Ok(mut history) = Restarts::new(policy.clone()) else { return Ok(()) };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        for nth in 1..=u32::from(restarts) {
            let longest = policy.longest_wait(nth);
            let wait = history.next(Duration::ZERO, &mut rng).unwrap();
            prop_assert!(wait <= longest && wait >= longest / 2 && wait >= ms(1));
        }
    }
}
