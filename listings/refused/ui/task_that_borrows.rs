//! A task may outlive the function that spawned it, so it must not borrow from this function.

#[tokio::main]
async fn main() {
    // ANCHOR: task_that_borrows
    let shop = String::from("Tea House");
    let task = tokio::spawn(async {
        println!("{shop} is open");
    });
    // ANCHOR_END: task_that_borrows
    drop(task);
}
