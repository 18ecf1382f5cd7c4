use smol::Executor;
use std::thread;

// ANCHOR: threads
fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

pub(crate) fn main() {
    let executor = Executor::new();
    let own = executor.spawn(async { thread_name() });
    let global = smol::spawn(async { thread_name() });
    smol::block_on(executor.run(async {
        println!("executor.spawn: {}", own.await);
        println!("smol::spawn: {}", global.await);
    }));
}
// ANCHOR_END: threads
