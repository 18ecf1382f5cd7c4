//! `.await` stands only inside of async code.

async fn price() -> u32 {
    3
}

fn main() {
    println!("{}", price().await);
}
