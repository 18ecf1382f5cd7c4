//! An `.await` that is missing, and one that is too much.

async fn price(_pen: u32) -> u32 {
    3
}

async fn name() -> String {
    "Tea House".into()
}

fn stock() -> u32 {
    2
}

async fn offer() {
    let total: u32 = price(1);
    let letters = name().len();
    println!("{}", price(1));
    let left = stock().await;
    println!("{total} {letters} {left}");
}

fn main() {
    drop(offer());
}
