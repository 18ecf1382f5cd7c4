use super::*;

#[test]
fn a_guard_counts_until_it_is_dropped() {
    let alive = Alive::default();
    let guard = alive.guard();
    assert_eq!((alive.count(), alive.dropped()), (1, 0));
    drop(guard);
    assert_eq!((alive.count(), alive.dropped()), (0, 1));
}
