//! Nobody would run the future of an async `main`.

async fn main() {
    println!("started");
}
