use super::cancel_a_computation::{ctrl_c, page};
use tokio::select;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: select
    let mut done = 0;
    let work = async { while page(&mut done).is_continue() {} };
    select! {
        () = work => println!("{done} pages"),
        () = ctrl_c() => println!("stopped"),
    }
    // ANCHOR_END: select
}
