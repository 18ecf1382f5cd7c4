//! `cargo run`: serves the book; `-- build` and `-- record` are described by `-- --help`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use book::book::Book;
use book::mdbook::{self, Listings, SearchIndex};
use book::render::lengths;
use book::serve::Server;
use book::source::Cache;
use book::{record, root};
use clap::{Args, Parser, Subcommand};
use mdbook_preprocessor::{Preprocessor, parse_input};
use mdbook_renderer::{RenderContext, Renderer};

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
        /// Say first how many words and lines of code each page has
        #[arg(long)]
        lengths: bool,
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
    match run(arguments) {
        Ok(code) => code,
        // Who reads our output has read enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints a line, and tells when it cannot.
fn say(line: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        None => serve(&find()?, &arguments.serve)?,
        Some(Command::Build { dest, lengths: wanted }) => {
            let dest = dest.map(std::path::absolute).transpose().context("--dest")?;
            let (root, mut cache) = (find()?, Cache::default());
            if wanted {
                say(lengths::table(&Book::read(&root, &mut cache)?))?;
            }
            let built = mdbook::build(&root, dest.as_deref(), &mut cache)?;
            say(format_args!(
                "Built {} in {} ms",
                built.html.display(),
                built.took.as_millis()
            ))?;
        }
        Some(Command::Record { names }) => {
            let changed = record::record(&find()?, &names)?;
            if changed.is_empty() {
                say("Nothing changed.")?;
            }
            for file in changed {
                say(format_args!("changed: {}", file.display()))?;
            }
        }
        Some(Command::Search) => {
            SearchIndex.render(&RenderContext::from_json(io::stdin())?)?;
        }
        Some(Command::Preprocess { query }) => return preprocess(&query),
    }
    Ok(ExitCode::SUCCESS)
}

fn find() -> anyhow::Result<PathBuf> {
    Ok(root::find(Path::new("."))?)
}

fn serve(root: &Path, serve: &Serve) -> anyhow::Result<()> {
    let server = Arc::new(Server::start(root, serve.port)?);
    // Ctrl-C, or on Unix what a service manager or a closed terminal sends.
    ctrlc::set_handler({
        let server = Arc::clone(&server);
        move || server.stop()
    })?;
    let (url, took) = (server.url(), server.took().as_millis());
    say(format_args!("Built in {took} ms. Read it at {url}  (Ctrl-C ends)"))?;
    if serve.open {
        open::that(&url)?;
    }
    Ok(server.run()?)
}

/// What mdBook starts: with `supports RENDERER` it asks, without arguments it hands over the book.
fn preprocess(query: &[String]) -> anyhow::Result<ExitCode> {
    match query {
        [] => {
            let (context, book) = parse_input(io::stdin()).context(
                "standard input is not what mdBook 0.5 writes\n    help: use mdBook 0.5, or `cargo run -- build`",
            )?;
            let book = Listings::default().run(&context, book)?;
            serde_json::to_writer(io::stdout(), &book)?;
            Ok(ExitCode::SUCCESS)
        }
        [supports, renderer] if supports == "supports" => {
            Ok(ExitCode::from(u8::from(!mdbook::supports(renderer))))
        }
        _ => anyhow::bail!(
            "`preprocess` is for mdBook, which asks `supports RENDERER` first"
        ),
    }
}
