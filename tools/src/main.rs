//! `cargo run`: serves the book; `-- build` and `-- record` are described by `-- --help`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use book::preprocess::ListingsPreprocessor;
use book::search::SearchIndex;
use book::serve::Server;
use book::{build, record, root};
use clap::{Args, Parser, Subcommand};
use mdbook_preprocessor::{Preprocessor, parse_input};
use mdbook_renderer::{RenderContext, Renderer};
use tracing_subscriber::EnvFilter;

/// Async Runtime Patterns: serve the book, build it, or record again what its pages show.
///
/// Without a command the book is built and served on 127.0.0.1 with live reload. Works in any folder of the
/// book. `cargo test` proves what the book says.
#[derive(Parser)]
#[command(name = "book", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Args)]
struct Serve {
    /// The port to listen on; 0 is any that is free
    #[arg(long, value_name = "N", default_value_t = 3000)]
    port: u16,
    /// Open the book in the browser
    #[arg(long)]
    open: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book, and say how long it took
    Build {
        /// Where to, from the current folder [default: what book.toml says]
        #[arg(long, value_name = "DIR")]
        dest: Option<PathBuf>,
    },
    /// Run programs and figures again, rewrite what the pages show, and say which files changed
    Record {
        /// Pages or programs, as in `all-at-once` [default: everything]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Be mdBook's renderer `search`: a rendered book on standard input
    #[command(hide = true)]
    Search,
    /// Be mdBook's preprocessor: a book on standard input, a book on standard output
    #[command(hide = true)]
    Preprocess {
        /// `supports RENDERER`, as mdBook asks before it starts
        query: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter =
        EnvFilter::try_from_env("BOOK_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    log.without_time().with_target(false).init();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        None => serve(&find()?, &arguments.serve),
        Some(Command::Build { dest }) => {
            let dest = dest.map(std::path::absolute).transpose().context("--dest")?;
            let (dest, took) = build::build(&find()?, dest.as_deref())?;
            println!("Built {} in {} ms", dest.display(), took.as_millis());
            Ok(())
        }
        Some(Command::Record { names }) => {
            let changed = record::record(&find()?, &names)?;
            if changed.is_empty() {
                println!("Nothing changed.");
            }
            for file in changed {
                println!("changed: {}", file.display());
            }
            Ok(())
        }
        Some(Command::Search) => {
            SearchIndex.render(&RenderContext::from_json(io::stdin())?)
        }
        Some(Command::Preprocess { query }) => {
            if query.is_empty() {
                preprocess()?;
            }
            Ok(())
        }
    }
}

fn find() -> anyhow::Result<PathBuf> {
    Ok(root::find(Path::new("."))?)
}

fn serve(root: &Path, serve: &Serve) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(async {
        let server = Server::start(root, serve.port).await?;
        let url = server.url();
        println!(
            "Built in {} ms. Read it at {url}  (Ctrl-C ends)",
            server.took().as_millis()
        );
        io::stdout().flush()?;
        if serve.open {
            open::that(&url)?;
        }
        tokio::select! {
            result = server.run() => Ok(result?),
            result = tokio::signal::ctrl_c() => Ok(result?),
        }
    });
    // Open connections hold the built book: its folder goes away with the last of them. A rebuild that
    // still runs is not worth a longer wait.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

fn preprocess() -> anyhow::Result<()> {
    let (context, book) = parse_input(io::stdin())?;
    let book = ListingsPreprocessor.run(&context, book)?;
    serde_json::to_writer(io::stdout(), &book)?;
    Ok(())
}
