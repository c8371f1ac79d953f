//! The real app under WebKitWebDriver: started, driven, photographed, and ended with all that it started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

/// Anything that takes longer than this is broken, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The steps of a drag; pages see as many pointer moves.
const DRAG_STEPS: i64 = 12;
const DRAG_TIME: Duration = Duration::from_millis(240);

/// What the app is started with.
#[derive(Default)]
pub(crate) struct Start {
    pub(crate) arguments: Vec<String>,
    /// The window's `preferences.json`, as it would be after an earlier start.
    pub(crate) preferences: Option<serde_json::Value>,
}

/// The app in its window.
pub(crate) struct App {
    pub(crate) page: Client,
    folder: TempDir,
    driver: Driver,
}

impl App {
    pub(crate) async fn start(start: Start) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = folder.path().join("data");
        std::fs::create_dir_all(&data_dir).expect("the data folder");
        if let Some(preferences) = &start.preferences {
            std::fs::write(data_dir.join("preferences.json"), preferences.to_string())
                .expect("the preferences");
        }
        let mut arguments = vec!["--data-dir".to_owned(), data_dir.display().to_string()];
        arguments.extend(start.arguments);

        let driver = Driver::start(folder.path()).await;
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": binary().display().to_string(), "args": arguments }
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(
            capabilities
                .as_object()
                .expect("written as an object")
                .clone(),
        );
        let address = format!("http://{}", driver.address);
        let page = timeout(PATIENCE, builder.connect(&address))
            .await
            .expect("the driver answers")
            .expect("the driver starts the app");
        Self {
            page,
            folder,
            driver,
        }
    }

    /// Where the app keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The element with this role and name, as a person (or a screen reader) finds it; waits for it.
    pub(crate) async fn find(&self, role: Role, name: &str) -> Element {
        let path = role.path(name);
        match self
            .page
            .wait()
            .at_most(PATIENCE)
            .every(LOOK_EVERY)
            .for_element(Locator::XPath(&path))
            .await
        {
            Ok(element) => element,
            Err(error) => {
                self.photograph("failed").await;
                let text = self.text().await;
                panic!("there is no {role:?} named \"{name}\": {error}\nthe page says:\n{text}");
            }
        }
    }

    pub(crate) async fn click(&self, role: Role, name: &str) {
        self.find(role, name)
            .await
            .click()
            .await
            .expect("it can be clicked");
    }

    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.find(Role::Field, name).await;
        field.clear().await.expect("it can be emptied");
        field.send_keys(text).await.expect("it can be typed into");
    }

    /// Drags with the pointer, in steps, as a hand does.
    pub(crate) async fn drag(&self, from: &Element, to: &Element) {
        let (from_x, from_y) = centre(from).await;
        let (to_x, to_y) = centre(to).await;
        let moved = |x: i64, y: i64, duration: Duration| PointerAction::MoveTo {
            duration: Some(duration),
            x: x as f64,
            y: y as f64,
        };
        let mut hand = MouseActions::new("hand".to_owned())
            .then(moved(from_x, from_y, Duration::ZERO))
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            });
        for step in 1..=DRAG_STEPS {
            let at = |from: i64, to: i64| from + (to - from) * step / DRAG_STEPS;
            hand = hand.then(moved(
                at(from_x, to_x),
                at(from_y, to_y),
                DRAG_TIME / DRAG_STEPS as u32,
            ));
        }
        let hand = hand.then(PointerAction::Up {
            button: MOUSE_BUTTON_LEFT,
        });
        self.page
            .perform_actions(hand)
            .await
            .expect("the pointer moves");
    }

    /// All words on the page.
    pub(crate) async fn text(&self) -> String {
        let text = self
            .page
            .execute("return document.body.innerText", Vec::new())
            .await
            .expect("the page answers");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says this.
    pub(crate) async fn says(&self, words: &str) {
        let said = until(|| async { self.text().await.contains(words) }).await;
        if !said {
            self.photograph("failed").await;
            panic!(
                "the page does not say \"{words}\" but:\n{}",
                self.text().await
            );
        }
    }

    /// Keeps a picture of the window under this name.
    pub(crate) async fn photograph(&self, name: &str) {
        let folder = artifacts().join("desktop");
        std::fs::create_dir_all(&folder).expect("the folder for pictures");
        let picture = self
            .page
            .screenshot()
            .await
            .expect("the driver takes pictures");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("the picture is kept");
    }

    /// The address that the app last asked the system's browser to open; waits for it.
    pub(crate) async fn opened_in_browser(&self) -> String {
        let file = self.driver.opened.clone();
        assert!(
            until(|| async { file.is_file() }).await,
            "the app opened nothing in the browser"
        );
        let url = std::fs::read_to_string(&file).expect("the browser script wrote it");
        std::fs::remove_file(&file).expect("it is taken once");
        url.trim().to_owned()
    }

    /// Closes the window by way of the driver, and with it the app.
    pub(crate) async fn close(self) {
        self.page.clone().close().await.expect("the session ends");
        drop(self.driver);
    }
}

/// How a thing on the page is found: by what it is to the user.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Heading,
    Button,
    Link,
    Field,
    /// Anything with this accessible name.
    Any,
}

impl Role {
    fn path(self, name: &str) -> String {
        let name = quoted(name);
        let named = format!("normalize-space()={name} or @aria-label={name} or @title={name}");
        match self {
            Self::Heading => {
                format!("//*[self::h1 or self::h2 or self::h3 or @role='heading'][{named}]")
            }
            Self::Button => format!("//*[self::button or @role='button'][{named}]"),
            Self::Link => format!("//a[{named}]"),
            Self::Field => format!(
                "//*[self::input or self::textarea or self::select][@aria-label={name} or @placeholder={name} \
                 or @id=//label[normalize-space()={name}]/@for or ancestor::label[contains(normalize-space(),{name})]]"
            ),
            Self::Any => format!("//*[@aria-label={name} or normalize-space(text())={name}]"),
        }
    }
}

/// A text as XPath writes it, which has no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "names in tests have no double quotes");
    format!("\"{text}\"")
}

async fn centre(element: &Element) -> (i64, i64) {
    let (x, y, width, height) = element.rectangle().await.expect("it is on the page");
    ((x + width / 2.0) as i64, (y + height / 2.0) as i64)
}

/// Asks again and again until it is so; whether it ever was.
pub(crate) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut ticks = interval(LOOK_EVERY);
    while Instant::now() < deadline {
        ticks.tick().await;
        if is_so().await {
            return true;
        }
    }
    false
}

/// WebKitWebDriver, in a process group of its own together with the app.
struct Driver {
    process: Child,
    address: SocketAddr,
    /// Where the address is put that the app wants opened in the browser.
    opened: PathBuf,
}

impl Driver {
    async fn start(folder: &Path) -> Self {
        // Otherwise this start would hand over to an app of the test before, which is just ending.
        assert!(
            until(|| async { !is_running() }).await,
            "another Patchbay runs on this session bus"
        );
        let address = free_address();
        let opened = folder.join("opened-in-browser");
        let mut process = Command::new("WebKitWebDriver")
            .arg("--host=127.0.0.1")
            .arg(format!("--port={}", address.port()))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("BROWSER", browser_script(folder, &opened))
            // xdg-open asks the desktop first and this variable after it; here there is no desktop.
            .env_remove("XDG_CURRENT_DESKTOP")
            .env_remove("DESKTOP_SESSION")
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("WebKitWebDriver is installed: `cargo xtask setup`");
        let listens = until(|| {
            let ended = process.try_wait().expect("it is our child").is_some();
            async move { ended || TcpStream::connect(address).await.is_ok() }
        })
        .await;
        let ended = process.try_wait().expect("it is our child").is_some();
        let driver = Self {
            process,
            address,
            opened,
        };
        assert!(listens && !ended, "the driver does not listen");
        driver
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The group has the driver's number. Also when a test fails, nothing stays behind.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill")
            .args(["-TERM", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.process.wait();
    }
}

/// Whether the name is taken by which the app knows that it is already running.
fn is_running() -> bool {
    let answer = Command::new("dbus-send")
        .args([
            "--session",
            "--print-reply=literal",
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
        ])
        .args([
            "org.freedesktop.DBus.NameHasOwner",
            "string:app.patchbay.desktop.SingleInstance",
        ])
        .output()
        .expect("the tests run on a session bus: `cargo xtask test --only desktop` starts one");
    String::from_utf8_lossy(&answer.stdout).contains("true")
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound")
}

/// A browser that only notes the address: the test then plays the user in it.
fn browser_script(folder: &Path, opened: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let script = folder.join("browser");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$1\" > '{0}.new' && mv '{0}.new' '{0}'\n",
        opened.display()
    );
    std::fs::write(&script, text).expect("the browser script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
        .expect("it may be started");
    script
}

fn binary() -> PathBuf {
    std::env::var_os("PATCHBAY_DESKTOP_BIN")
        .map(PathBuf::from)
        .expect("PATCHBAY_DESKTOP_BIN names the app: `cargo xtask test --only desktop` builds it and says where")
}

fn artifacts() -> PathBuf {
    std::env::var_os("PATCHBAY_ARTIFACTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts"),
        PathBuf::from,
    )
}
