//! The program of all whole uses of a pattern: its argument is the name of one.
//!
//! Support: no page shows this file.

use std::env;
use std::process::ExitCode;

/// The name of a use, and its `main`.
pub type Use = (&'static str, fn() -> ExitCode);

/// The `main` of `examples/uses/main.rs`, for the modules beside it: `backend::uses!(racing, select);`. A module that
/// is compiled on a condition stands there with it: `#[cfg(unix)] signals`.
#[macro_export]
macro_rules! uses {
    ($($(#[$condition:meta])* $name:ident),* $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::uses::run(&[$(
                $(#[$condition])*
                (stringify!($name), || ::std::process::Termination::report($name::main())),
            )*])
        }
    };
}

/// A test for each of these uses, in `tests/programs.rs`: `backend::check_uses!(racing, select);`.
#[macro_export]
macro_rules! check_uses {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            $crate::recording::check_use(stringify!($name))
                .unwrap_or_else(|error| panic!("{error}"));
        }
    )*};
}

/// Runs the use that the first argument names. Tells the names on standard error, and gives 2, for another one.
pub fn run(uses: &[Use]) -> ExitCode {
    let name = env::args().nth(1).unwrap_or_default();
    let Some(run) = named(uses, &name) else {
        let names: Vec<_> = uses.iter().map(|(name, _)| *name).collect();
        eprintln!("no use is called `{name}`; there are: {}", names.join(", "));
        return ExitCode::from(2);
    };
    run()
}

/// The `main` of this name, which may be spelled as pages are.
fn named(uses: &[Use], name: &str) -> Option<fn() -> ExitCode> {
    let name = name.replace('-', "_");
    uses.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}

#[cfg(test)]
mod tests;
