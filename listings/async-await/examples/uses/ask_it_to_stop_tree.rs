use tokio_util::sync::CancellationToken;

// ANCHOR: tree
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let service = CancellationToken::new();
    let import = service.child_token();
    let export = service.child_token();
    let tell = |asked: &str| {
        println!("{asked}");
        println!("  import: {}", import.is_cancelled());
        println!("  export: {}", export.is_cancelled());
        println!("  service: {}", service.is_cancelled());
    };

    import.cancel();
    tell("the import was asked to stop");
    service.cancel();
    tell("the service was asked to stop");
}
// ANCHOR_END: tree
