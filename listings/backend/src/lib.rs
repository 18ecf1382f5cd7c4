//! The services that tests, programs and figures of the book call, and the recorder that draws them.
//!
//! * [`site`]: a scripted service on Tokio's paused clock.
//! * [`http`]: a real HTTP server on 127.0.0.1, on a port of its own.
//! * [`alive`]: how many of a thing exist, for proofs about what a drop leaves behind.
//! * [`cancel`]: drops a future at each of its awaits in turn.
//! * [`channels`]: channels with messages in them.
//! * [`figure`]: records a run as the data of a figure.
//! * [`panics`]: what a panic says.
//! * [`patience`]: ends a proof that would wait for ever where its promise is broken.
//! * [`polls`]: how often a future is polled until it ends, and one that is polled twice.
//! * [`recording`]: compares what a run gave with the file that a page shows.
//! * [`rng`]: a generator without chance, for waits that are known.
//! * [`roles`]: a test that starts its own program again, as a child.
//! * [`script`]: a channel whose messages come at known times.
//! * [`turns`]: when another task of the same thread runs beside some work.
//! * [`uses`]: the program of all whole uses of a pattern.
//! * [`workers`]: a service with a number of workers, which can become fewer.

pub mod alive;
pub mod cancel;
pub mod channels;
pub mod figure;
pub mod http;
pub mod panics;
pub mod patience;
pub mod polls;
pub mod recording;
pub mod rng;
pub mod roles;
pub mod script;
pub mod site;
pub mod turns;
pub mod uses;
pub mod workers;

pub use alive::Alive;
pub use http::{HttpReply, HttpServer, HttpSite};
pub use patience::{MINUTE, ends, in_a_task, on_a_thread, soon};
pub use polls::polls;
pub use rng::Longest;
pub use site::{Load, Page, Reply, Site, SiteError};
