use super::*;
use rand::{Rng, RngExt};

#[test]
fn it_draws_the_end_of_each_range() {
    for end in [0, 1, 2, 3, 7, 100, 1 << 40, u64::MAX - 1, u64::MAX] {
        assert_eq!(Longest.random_range(0..=end), end);
    }
    assert_eq!(Longest.random_range(3..=9_u32), 9);
    let mut bytes = [0; 3];
    Longest.fill_bytes(&mut bytes);
    assert_eq!(bytes, [u8::MAX; 3]);
}
