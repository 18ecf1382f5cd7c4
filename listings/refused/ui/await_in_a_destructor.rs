//! A destructor is an ordinary function: there is no await in it.

// ANCHOR: await_in_a_destructor
struct Printer;

impl Printer {
    async fn give_back(&mut self) {} // at work: a request
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.give_back().await;
    }
}
// ANCHOR_END: await_in_a_destructor

fn main() {
    drop(Printer);
}
