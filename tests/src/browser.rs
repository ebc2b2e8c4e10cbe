//! A real Chromium without a window, driven through chromedriver.
//!
//! Each browser has a profile of its own and is gone when it is dropped. Nothing but 127.0.0.1 can be
//! reached from it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
/// A loaded machine takes this long to start a browser at worst.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Starts of chromedriver before its failure is believed.
const DRIVER_TRIES: usize = 3;
/// What a page does not show by then, it does not show.
const WAIT_TIMEOUT: Duration = Duration::from_secs(15);

/// A browser with one window.
pub struct Browser {
    client: Client,
    driver: Child,
    profile: TempDir,
    /// Read no further, but chromedriver must be able to write.
    _output: Lines<BufReader<ChildStdout>>,
}

/// What the system says that its user likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourScheme {
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

/// A size in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// A touch screen that honours the viewport's meta tag.
    pub is_phone: bool,
}

impl Screen {
    /// A laptop's browser window.
    pub const DESK: Self = Self { width: 1100, height: 760, is_phone: false };
    /// A small phone, upright.
    pub const PHONE: Self = Self { width: 360, height: 740, is_phone: true };
}

impl Browser {
    /// Starts chromedriver on a free port and Chromium with an empty profile.
    ///
    /// # Errors
    /// Says what to install when one of the two is missing.
    pub async fn start(screen: Screen) -> anyhow::Result<Self> {
        for program in [CHROMIUM, CHROMEDRIVER] {
            if !Path::new(program).exists() {
                bail!("{program} is missing: run `apt-get install chromium chromium-driver`");
            }
        }
        let profile = tempfile::Builder::new().prefix("acgs-chromium-").tempdir()?;
        let mut started = start_driver().await;
        // It takes a free port of IPv4 and then the same one of IPv6, which somebody else may have taken.
        for _ in 1..DRIVER_TRIES {
            if started.is_err() {
                started = start_driver().await;
            }
        }
        let (driver, port, output) = started?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let mut builder = ClientBuilder::new(connector);
        builder.capabilities(capabilities(profile.path()));
        let connecting = builder.connect(&format!("http://127.0.0.1:{port}")).await;
        let client = connecting.context("chromedriver could not start Chromium")?;
        let browser = Self { client, driver, profile, _output: output };
        browser.resize(screen).await?;
        Ok(browser)
    }

    /// For what this harness has no word for.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Opens an address and waits for the page's own `load`.
    ///
    /// # Errors
    /// When nothing is there.
    pub async fn open(&self, url: &str) -> anyhow::Result<()> {
        self.client.goto(url).await.with_context(|| format!("opening {url}"))
    }

    /// The first element that a CSS selector finds, once there is one.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn find(&self, selector: &str) -> anyhow::Result<Element> {
        let wait = self.client.wait().at_most(WAIT_TIMEOUT).every(Duration::from_millis(20));
        wait.for_element(Locator::Css(selector)).await.with_context(|| format!("looking for {selector}"))
    }

    /// Types into whatever has the focus. Single keys are `fantoccini::key::Key`s turned into text.
    ///
    /// # Errors
    /// When nothing takes keys.
    pub async fn type_keys(&self, keys: &str) -> anyhow::Result<()> {
        let focused = self.client.active_element().await?;
        focused.send_keys(keys).await.context("typing")
    }

    /// The value of a JavaScript expression.
    ///
    /// # Errors
    /// When the expression throws.
    pub async fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        let script = format!("return ({expression});");
        self.client.execute(&script, Vec::new()).await.with_context(|| format!("evaluating {expression}"))
    }

    /// Waits until a JavaScript expression is true.
    ///
    /// # Errors
    /// When it is not in time; says what the page shows then.
    pub async fn wait_until(&self, expression: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while self.evaluate(expression).await? != Value::Bool(true) {
            if Instant::now() > deadline {
                let shown = self.evaluate("document.body.innerText").await?;
                bail!("never became true: {expression}\nThe page shows:\n{}", shown.as_str().unwrap_or(""));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Makes the page as large as `screen`.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn resize(&self, screen: Screen) -> anyhow::Result<()> {
        let Screen { width, height, is_phone } = screen;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": is_phone });
        self.command("Emulation.setDeviceMetricsOverride", metrics).await
    }

    /// Answers the page's `prefers-color-scheme`.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn prefer(&self, scheme: ColourScheme) -> anyhow::Result<()> {
        let value = match scheme {
            ColourScheme::Light => "light",
            ColourScheme::Dark => "dark",
        };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.command("Emulation.setEmulatedMedia", features).await
    }

    /// Writes what the window shows as a PNG file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub async fn save_screenshot(&self, to: &Path) -> anyhow::Result<()> {
        let png = self.client.screenshot().await?;
        std::fs::write(to, png).with_context(|| format!("writing {}", to.display()))
    }

    /// The console's errors since the last call: exceptions, refused requests, violations of the
    /// page's own policy.
    ///
    /// # Errors
    /// When the browser is gone.
    pub async fn console_errors(&self) -> anyhow::Result<Vec<String>> {
        let log = Vendor { path: "se/log", body: json!({ "type": "browser" }) };
        let entries = self.client.issue_cmd(log).await?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let is_error = |entry: &&Value| entry["level"] == "SEVERE";
        Ok(entries.iter().filter(is_error).map(|entry| entry["message"].to_string()).collect())
    }

    /// A command of the Chrome DevTools protocol.
    async fn command(&self, name: &str, params: Value) -> anyhow::Result<()> {
        let body = json!({ "cmd": name, "params": params });
        self.client.issue_cmd(Vendor { path: "goog/cdp/execute", body }).await.context(name.to_owned())?;
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver first, or it would report the browser's end. It may have ended by itself.
        self.driver.start_kill().ok();
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        loop {
            let left = processes_of(self.profile.path());
            if left.is_empty() || std::time::Instant::now() > deadline {
                break;
            }
            for process in left {
                // One that has ended meanwhile is what is wanted.
                kill(process, Signal::SIGKILL).ok();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn start_driver() -> anyhow::Result<(Child, u16, Lines<BufReader<ChildStdout>>)> {
    let mut driver = Command::new(CHROMEDRIVER)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("starting chromedriver")?;
    let output = driver.stdout.take().context("chromedriver has no output")?;
    let mut lines = BufReader::new(output).lines();
    let port = tokio::time::timeout(START_TIMEOUT, port_in(&mut lines));
    let port = port.await.context("chromedriver did not say its port in time")??;
    Ok((driver, port, lines))
}

/// From the line "ChromeDriver was started successfully on port 12345."
async fn port_in(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<u16> {
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return port.trim_end_matches('.').parse().context("chromedriver's port");
        }
    }
    bail!("chromedriver ended before it listened")
}

fn capabilities(profile: &Path) -> fantoccini::wd::Capabilities {
    let profile = format!("--user-data-dir={}", profile.display());
    let args = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        &profile,
    ];
    let mut capabilities = fantoccini::wd::Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), json!({ "binary": CHROMIUM, "args": args }));
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    capabilities
}

/// The processes that were started with this profile; nobody else's have its name.
fn processes_of(profile: &Path) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let profile = profile.display().to_string();
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        // A process may end between the two reads, and a zombie has an empty command line.
        let command_line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if let Some(id) = id
            && String::from_utf8_lossy(&command_line).contains(&profile)
        {
            found.push(Pid::from_raw(id));
        }
    }
    found
}

/// A command of chromedriver's own, beyond the standard.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
