#!/usr/bin/env bash
# notify 8.2.2, PollWatcher with its default Config.
#
# One would expect: a file whose time of change is another one than at the last look is told as changed; `make`
# aside, what compares times for change (rsync, caches, build tools) compares them with `!=`.
#
# What happens: only a *later* time counts, and in whole seconds. A file that is replaced by an older one (a
# backup that `mv` or `cp -p` puts back, an archive unpacked over it, a rollback) has other contents, another
# length and another time, and nothing is told. Neither is a second save within the same second.
# `Config::with_compare_contents(true)` tells both.
#
# Where: notify-8.2.2/src/poll.rs, `system_time_to_seconds` (`as_secs`), and `PathData::compare_to_event`:
# `if new.mtime > old.mtime { .. } else if new.hash != old.hash { .. } else { None }`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"

cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "poll-watcher-older-file"
version = "0.0.0"
edition = "2021"

[dependencies]
notify = "=8.2.2"
tempfile = "=3.27.0"
TOML

cat > "$folder/src/main.rs" <<'RUST'
use std::fs;
use std::path::Path;
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, SystemTime};

use notify::{Config, Event, PollWatcher, RecursiveMode, Watcher};

fn save(file: &Path, contents: &str, millis: u64) {
    let changed = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    // A look may come at any time: it must find neither the time of the write nor a file that goes away.
    let aside = tempfile::tempdir().unwrap();
    let new = aside.path().join("new");
    fs::write(&new, contents).unwrap();
    let opened = fs::File::options().write(true).open(&new).unwrap();
    opened.set_modified(changed).unwrap();
    fs::rename(new, file).unwrap();
}

/// Looks once, on demand; a file that is new says when it has been seen.
fn look(watcher: &PollWatcher, events: &Receiver<notify::Result<Event>>, marker: &Path) -> bool {
    fs::write(marker, "").unwrap();
    watcher.poll().unwrap();
    let mut told = false;
    loop {
        let event = events.recv_timeout(Duration::from_secs(30)).unwrap().unwrap();
        if event.paths.iter().any(|path| path == marker) {
            return told;
        }
        told |= event.paths.iter().any(|path| path.ends_with("config"));
    }
}

fn told(config: Config, then: u64) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    save(&file, "new", 1_000_000_000_000);
    let (tell, events) = channel();
    let mut watcher = PollWatcher::new(tell, config.with_manual_polling()).unwrap();
    watcher.watch(folder.path(), RecursiveMode::NonRecursive).unwrap();
    save(&file, "old, and longer", then);
    // A look has no order, and one may have begun before it was asked for.
    let told = [1, 2, 3]
        .map(|number| look(&watcher, &events, &folder.path().join(format!("marker {number}"))));
    told.contains(&true)
}

fn main() {
    let contents = Config::default().with_compare_contents(true);
    for (what, then) in [
        ("a second later", 1_000_000_001_000),
        ("later in the same second", 1_000_000_000_999),
        ("a day earlier", 999_913_600_000),
    ] {
        let by_time = told(Config::default(), then);
        println!("{what}: told by default {by_time}, by contents {}", told(contents, then));
    }
}
RUST

cat > "$folder/expected" <<'TEXT'
a second later: told by default true, by contents true
later in the same second: told by default false, by contents true
a day earlier: told by default false, by contents true
TEXT

(cd "$folder" && cargo run --quiet) > "$folder/got"
cat "$folder/got"
diff "$folder/expected" "$folder/got" || exit 1
echo "as recorded"
