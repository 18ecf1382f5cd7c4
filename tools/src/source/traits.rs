//! Traits that listings import for their methods, which name no trait.
//!
//! Only the compiler knows whose method a call is. A method that no other type of the listings has tells its trait;
//! one that many have (`map`, `next`, `read`) tells it together with what stands around the call. What that misses
//! is written at the fence: ` ```rust,uses=StreamExt `. The test of imports asks the compiler whether it is right.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a value is, as far as the tokens tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// They do not.
    #[default]
    Unknown,
    /// A stream.
    Stream,
    /// A future.
    Future,
    /// Neither.
    Other,
}

/// What stands around a call of a method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// What has the method.
    pub receiver: Kind,
    /// What the chain of calls must be for the `.await` at its end.
    pub chain: Kind,
    /// It is awaited: by itself, as an argument of what is, or by `select!`.
    pub awaited: bool,
    /// How many arguments it has.
    pub arguments: usize,
}

/// When a call of a method is one of the trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Wherever it stands.
    Always,
    /// It has one argument.
    OneArgument,
    /// It is awaited.
    Awaited,
    /// It is not awaited.
    NotAwaited,
    /// It makes a future of a stream.
    EndOfStream,
    /// It makes a stream of a stream.
    OfStream,
    /// It makes a future of a future.
    OfFuture,
    /// It is not called on a stream.
    NotOfStream,
}

impl When {
    fn holds(self, around: Around) -> bool {
        let Around { receiver, chain, awaited, arguments } = around;
        match (self, receiver) {
            (Self::Always, _) => true,
            (Self::OneArgument, _) => arguments == 1,
            (Self::Awaited, _) | (Self::EndOfStream, Kind::Unknown) => awaited,
            (Self::NotAwaited, _) => !awaited,
            (_, Kind::Other) => false,
            (Self::OfStream, Kind::Unknown) => chain == Kind::Stream,
            (Self::OfFuture, Kind::Unknown) => chain == Kind::Future,
            (Self::NotOfStream, Kind::Unknown) => chain != Kind::Stream,
            (Self::EndOfStream | Self::OfStream, it) => it == Kind::Stream,
            (Self::OfFuture | Self::NotOfStream, it) => it == Kind::Future,
        }
    }
}

/// What the call of a method gives, if it is one of those of streams and futures.
pub fn given(method: &str, receiver: Kind) -> Kind {
    match receiver {
        Kind::Stream if lists(When::OfStream, method) => Kind::Stream,
        Kind::Future | Kind::Unknown
            if lists(When::OfFuture, method) || lists(When::NotOfStream, method) =>
        {
            receiver
        }
        Kind::Stream | Kind::Unknown if STREAMS.contains(&method) => Kind::Stream,
        Kind::Stream if method == "timeout" => Kind::Stream,
        Kind::Unknown if ["iter", "into_iter", "iter_mut"].contains(&method) => {
            Kind::Other
        }
        Kind::Other => Kind::Other,
        _ => Kind::Unknown,
    }
}

/// What a chain is of which this call is awaited.
pub fn awaited(method: &str) -> Kind {
    if lists(When::EndOfStream, method) || ENDS.contains(&method) {
        Kind::Stream
    } else if lists(When::OfFuture, method) || lists(When::NotOfStream, method) {
        Kind::Future
    } else {
        Kind::Unknown
    }
}

fn lists(when: When, method: &str) -> bool {
    static ALL: LazyLock<HashMap<&str, Vec<When>>> = LazyLock::new(|| {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (when, methods) in TRAITS.iter().flat_map(|it| it.calls) {
            for method in methods.split(' ') {
                all.entry(method).or_default().push(*when);
            }
        }
        all
    });
    ALL.get(method).is_some_and(|all| all.contains(&when))
}

/// What only streams have, and a stream comes of it.
const STREAMS: [&str; 9] = [
    "buffer_unordered",
    "buffered",
    "chunks_timeout",
    "map_while",
    "ready_chunks",
    "take_until",
    "throttle",
    "try_buffer_unordered",
    "try_filter",
];

/// What only streams have, and is awaited.
const ENDS: [&str; 7] = [
    "for_each_concurrent",
    "select_next_some",
    "try_collect",
    "try_concat",
    "try_for_each_concurrent",
    "try_next",
    "try_unfold",
];

/// A trait, and what of it code can call without naming it.
#[derive(Debug)]
pub struct Trait {
    /// What its path begins with.
    within: &'static str,
    name: &'static str,
    calls: &'static [(When, &'static str)],
}

impl Trait {
    /// The trait at this path, if it is in the table.
    pub fn at(path: &str) -> Option<&'static Self> {
        let (within, name) = path.rsplit_once("::")?;
        TRAITS.iter().find(|it| it.name == name && within.starts_with(it.within))
    }

    /// Whether a call of `method` is one of the trait.
    pub fn has(&self, method: &str, around: Around) -> bool {
        self.calls.iter().any(|(when, methods)| {
            methods.split(' ').any(|it| it == method) && when.holds(around)
        })
    }

    /// All that can be called.
    pub fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.calls.iter().flat_map(|(_, methods)| methods.split(' '))
    }
}

/// `write!` and `writeln!` call a method of whatever they write to; a formatter has it without a trait.
pub const WRITE: &str = "write!";

const TRAITS: &[Trait] = &[
    Trait {
        within: "futures",
        name: "StreamExt",
        calls: &[
            (
                When::Always,
                "buffer_unordered buffered flat_map_unordered flatten_unordered \
                 for_each_concurrent left_stream poll_next_unpin ready_chunks right_stream \
                 select_next_some take_until",
            ),
            (
                When::EndOfStream,
                "all any collect concat count fold for_each forward next unzip",
            ),
            (
                When::OfStream,
                "boxed boxed_local by_ref catch_unwind chain chunks cycle enumerate filter filter_map flat_map \
                 flatten fuse inspect map peekable scan skip skip_while split take take_while then \
                 zip",
            ),
        ],
    },
    Trait {
        within: "futures",
        name: "TryStreamExt",
        calls: &[
            (
                When::Always,
                "into_async_read try_buffer_unordered try_buffered try_chunks try_collect try_concat \
                 try_filter try_filter_map try_flatten_unordered try_for_each_concurrent try_next \
                 try_poll_next_unpin try_ready_chunks try_skip_while try_take_while",
            ),
            (When::EndOfStream, "try_all try_any try_fold try_for_each"),
            (
                When::OfStream,
                "and_then err_into inspect_err inspect_ok into_stream map_err map_ok or_else \
                 try_flatten",
            ),
        ],
    },
    Trait {
        within: "futures",
        name: "FutureExt",
        calls: &[
            (
                When::Always,
                "flatten_stream left_future never_error now_or_never poll_unpin remote_handle \
                 right_future shared unit_error",
            ),
            (
                When::OfFuture,
                "boxed boxed_local catch_unwind flatten fuse inspect into_stream map then",
            ),
        ],
    },
    Trait {
        within: "futures",
        name: "TryFutureExt",
        calls: &[
            (When::Always, "map_ok_or_else ok_into try_flatten_stream try_poll_unpin"),
            (When::NotOfStream, "err_into inspect_ok map_ok"),
            (
                When::OfFuture,
                "and_then inspect_err map_err or_else try_flatten unwrap_or_else",
            ),
        ],
    },
    Trait {
        within: "futures",
        name: "SinkExt",
        calls: &[
            (
                When::Always,
                "fanout poll_close_unpin poll_flush_unpin poll_ready_unpin sink_err_into \
                 sink_map_err start_send_unpin with_flat_map",
            ),
            (When::Awaited, "close feed flush send send_all"),
        ],
    },
    Trait {
        within: "futures",
        name: "FusedStream",
        calls: &[(When::Always, "is_terminated")],
    },
    Trait {
        within: "futures",
        name: "Stream",
        calls: &[(When::Always, "poll_next"), (When::OfStream, "size_hint")],
    },
    Trait {
        within: "tokio_stream",
        name: "StreamExt",
        calls: &[
            (When::Always, "chunks_timeout throttle timeout timeout_repeating"),
            (When::EndOfStream, "all any collect fold next try_next"),
            (
                When::OfStream,
                "chain filter filter_map fuse map map_while merge peekable skip skip_while take \
                 take_while then",
            ),
        ],
    },
    Trait {
        within: "tokio_stream",
        name: "Stream",
        calls: &[(When::Always, "poll_next"), (When::OfStream, "size_hint")],
    },
    Trait {
        within: "tokio::io",
        name: "AsyncReadExt",
        calls: &[
            (When::Always, "read_buf read_u8 read_u16 read_u32 read_u64"),
            (When::Awaited, "read read_exact read_to_end read_to_string"),
        ],
    },
    Trait {
        within: "tokio::io",
        name: "AsyncWriteExt",
        calls: &[
            (
                When::Always,
                "write_buf write_all_buf write_u8 write_u16 write_u32 write_u64",
            ),
            (When::Awaited, "flush shutdown write write_all"),
        ],
    },
    Trait {
        within: "tokio::io",
        name: "AsyncBufReadExt",
        calls: &[(When::Awaited, "fill_buf read_line read_until")],
    },
    Trait {
        within: "tokio::io",
        name: "AsyncSeekExt",
        calls: &[(When::Awaited, "rewind seek stream_position")],
    },
    Trait {
        within: "std::io",
        name: "Read",
        calls: &[
            (When::Always, "bytes"),
            (When::NotAwaited, "read read_exact read_to_end read_to_string"),
        ],
    },
    Trait {
        within: "std::io",
        name: "BufRead",
        calls: &[(When::NotAwaited, "fill_buf read_line read_until skip_until")],
    },
    Trait {
        within: "std::io",
        name: "Write",
        calls: &[
            (When::Always, WRITE),
            (When::NotAwaited, "flush write write_all write_fmt"),
        ],
    },
    Trait {
        within: "std::io",
        name: "Seek",
        calls: &[(When::NotAwaited, "rewind seek stream_position")],
    },
    Trait {
        within: "std::fmt",
        name: "Write",
        calls: &[
            (When::Always, WRITE),
            (When::Always, "write_char write_fmt write_str"),
        ],
    },
    Trait { within: "std::error", name: "Error", calls: &[(When::Always, "source")] },
    // That of `mio::Poll` has two.
    Trait {
        within: "std::future",
        name: "Future",
        calls: &[(When::OneArgument, "poll")],
    },
    Trait {
        within: "std::future",
        name: "IntoFuture",
        calls: &[(When::Always, "into_future")],
    },
    Trait { within: "std::hash", name: "Hash", calls: &[(When::Always, "hash")] },
    Trait { within: "std::hash", name: "Hasher", calls: &[(When::Always, "finish")] },
    Trait {
        within: "std::os::unix::fs",
        name: "PermissionsExt",
        calls: &[(When::Always, "from_mode mode set_mode")],
    },
    Trait {
        within: "std::os::unix::process",
        name: "ExitStatusExt",
        calls: &[(When::Always, "core_dumped from_raw signal")],
    },
    Trait { within: "std::str", name: "FromStr", calls: &[(When::Always, "from_str")] },
    Trait {
        within: "rand",
        name: "Rng",
        calls: &[(When::Always, "fill_bytes next_u32 next_u64")],
    },
    Trait {
        within: "rand",
        name: "RngExt",
        calls: &[(
            When::Always,
            "fill random random_bool random_iter random_range random_ratio sample",
        )],
    },
    Trait {
        within: "rand",
        name: "SeedableRng",
        calls: &[(When::Always, "from_rng from_seed seed_from_u64")],
    },
    Trait { within: "sqlx", name: "Row", calls: &[(When::Always, "try_get")] },
    Trait { within: "sqlx", name: "FromRow", calls: &[(When::Always, "from_row")] },
    Trait {
        within: "sqlx",
        name: "Acquire",
        calls: &[(When::Always, "acquire begin")],
    },
    Trait {
        within: "sqlx",
        name: "Connection",
        calls: &[(When::Always, "begin begin_with ping")],
    },
    Trait {
        within: "sqlx",
        name: "Executor",
        calls: &[(When::Always, "execute_many fetch_many")],
    },
    Trait {
        within: "notify",
        name: "Watcher",
        calls: &[(When::Always, "unwatch watch")],
    },
    Trait {
        within: "tokio_tungstenite",
        name: "IntoClientRequest",
        calls: &[(When::Always, "into_client_request")],
    },
];
