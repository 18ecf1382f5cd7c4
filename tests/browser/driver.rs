//! A browser, by its driver, over the book as its own server serves it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use thirtyfour::{
    By, ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver,
};

/// What to do where there is no browser.
const INSTALL: &str = "install Chromium and ChromeDriver (Debian: apt-get install chromium chromium-driver), \
                       or name them in CHROMIUM and CHROMEDRIVER";

/// A width of the window, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Wide,
    Narrow,
}

/// What the system prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The address of the book, served for all tests of this process.
pub(crate) fn book() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| serve(book_tests::root()))
}

/// Serves the book at `root` as long as this process runs, and says where.
pub(crate) fn serve(root: PathBuf) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let server = book::serve::Server::start(&root, 0);
        let server = server.expect("the book is served");
        tell.send(server.url()).expect("somebody waits");
        server.run().expect("the book is served");
    });
    told.recv().expect("the book builds: see the message above")
}

/// A browser with one window. It ends with the test.
pub(crate) struct Browser {
    client: WebDriver,
    driver: Child,
    port: u16,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let program = std::env::var("CHROMEDRIVER").unwrap_or("chromedriver".into());
        let mut driver = Command::new(&program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start {program}: {error}; {INSTALL}")
            });
        let output = BufReader::new(driver.stdout.take().expect("it is piped"));
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .unwrap_or_else(|| panic!("{program} tells no port; {INSTALL}"));
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut capabilities = DesiredCapabilities::chrome();
        let mut add = |argument: &str| {
            capabilities.add_arg(&format!("--{argument}")).expect("an argument");
        };
        for argument in [
            "headless",
            "no-sandbox",
            "disable-gpu",
            "disable-dev-shm-usage",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "disable-quic",
            "no-proxy-server",
        ] {
            add(argument);
        }
        add(&format!("user-data-dir={}", profile.path().display()));
        if let Ok(chromium) = std::env::var("CHROMIUM") {
            capabilities.set_binary(&chromium).expect("a path");
        }
        for log in ["browser", "performance"] {
            capabilities
                .set_logging_prefs(log, LoggingPrefsLogLevel::All)
                .expect("a log");
        }
        // Printing the whole book takes long where the machine is busy.
        let client =
            WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities)
                .request_timeout(Duration::from_mins(5))
                .await
                .unwrap_or_else(|error| {
                    panic!("cannot start Chromium: {error}; {INSTALL}")
                });
        let browser = Self { client, driver, port, _profile: profile };
        browser.look(Width::Wide, Theme::Light).await;
        browser
    }

    /// Waits longer: the page for print is the whole book.
    pub(crate) async fn be_patient(&self) {
        let minutes = Some(Duration::from_mins(12));
        let timeouts = thirtyfour::TimeoutConfiguration::new(minutes, minutes, None);
        self.client.update_timeouts(timeouts).await.expect("timeouts can be set");
    }

    /// Opens a page of the book, by its path.
    pub(crate) async fn open(&self, path: &str) {
        self.goto(&format!("{}{path}", book())).await;
    }

    /// Opens an address, and waits until its page is there.
    pub(crate) async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        // The driver says so too early once in some hundred times, and a script saw an empty document.
        let there = format!(
            "return document.readyState === 'complete' && location.href.startsWith('{url}')"
        );
        self.until("the page", &there).await;
    }

    /// Sets the size of the window, and what the system prefers.
    pub(crate) async fn look(&self, width: Width, theme: Theme) {
        let (width, mobile) = match width {
            Width::Wide => (1280, false),
            Width::Narrow => (390, true),
        };
        let size = json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let prefer = json!([
            { "name": "prefers-color-scheme", "value": theme.name() },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": prefer }))
            .await;
    }

    /// Runs a script in the page; `return` gives the value, a promise what it resolves to.
    pub(crate) async fn script(&self, script: &str) -> Value {
        let ran = self.client.execute(script, Vec::new()).await;
        ran.unwrap_or_else(|error| panic!("{script}: {error}")).json().clone()
    }

    /// Runs a script until it is true; `what` is waited for.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        for _ in 0..400 {
            if self.script(script).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("waited in vain for {what}: {script}");
    }

    /// The page as a PDF. Asked for by its protocol: chromedriver's own command gives up after ten seconds.
    pub(crate) async fn pdf(&self) -> Vec<u8> {
        let printed = self.devtools("Page.printToPDF", json!({})).await;
        let data = printed["data"].as_str().expect("a PDF");
        BASE64_STANDARD.decode(data).expect("base64")
    }

    /// Presses keys where the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let focused =
            self.client.active_element().await.expect("something has the focus");
        focused
            .send_keys(keys)
            .await
            .unwrap_or_else(|error| panic!("{keys:?}: {error}"));
    }

    pub(crate) async fn click(&self, css: &str) {
        let found = self.client.find(By::Css(css)).await;
        let found = found.unwrap_or_else(|error| panic!("{css}: {error}"));
        found.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let answer = self.client.cdp().send_raw(command, parameters).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// What the page wrote to the console since the last call.
    pub(crate) async fn console(&self) -> Vec<String> {
        self.log("browser").await
    }

    /// The events of the network since the last call: method and parameters.
    pub(crate) async fn network(&self) -> Vec<(String, Value)> {
        let entries = self.log("performance").await;
        let events = entries.iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry).ok()?;
            let event = &event["message"];
            let method = event["method"].as_str()?;
            method
                .starts_with("Network.")
                .then(|| (method.to_owned(), event["params"].clone()))
        });
        events.collect()
    }

    async fn log(&self, kind: &str) -> Vec<String> {
        let log = self.client.get_log(kind).await;
        let log = log.unwrap_or_else(|error| panic!("no log of {kind}: {error}"));
        log.into_iter().map(|entry| entry.message).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its session, and the Chromium of that, when it is told to shut down.
        self.client.clone().leak().ok();
        let request =
            "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            stream.write_all(request.as_bytes()).ok();
            stream.read_to_end(&mut Vec::new()).ok();
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}
