fn main() {
    let root = book::root::find(std::path::Path::new(".")).unwrap();
    match book::build::build(&root, None) {
        Ok(x) => println!("{x:?}"),
        Err(e) => { eprintln!("{e:#}"); std::process::exit(1) }
    }
}
