//! A `?` in a task whose error type nothing says.

async fn read() {
    let _task = tokio::spawn(async {
        let text = tokio::fs::read_to_string("orders").await?;
        println!("{text}");
        Ok(())
    });
}

fn main() {
    drop(read());
}
