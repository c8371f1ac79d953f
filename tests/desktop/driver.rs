//! The real app under WebKitWebDriver: started, driven, photographed, and ended with all that it started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::webdriver::{Element, Session};

/// Anything that takes longer than this is broken, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The steps of a drag; pages see as many pointer moves.
const DRAG_STEPS: i64 = 12;
const DRAG_STEP_MS: i64 = 20;

/// Brings an element into view.
const SHOW: &str = "arguments[0].scrollIntoView({ block: 'center' })";
const ENTER: char = '\u{e007}';
/// A picture of a window without content is not larger than this, in bytes.
const EMPTY_WINDOW: u64 = 8 * 1024;

/// What the app is started with.
#[derive(Default)]
pub(crate) struct Start {
    pub(crate) arguments: Vec<String>,
    /// The system asks for dark windows.
    pub(crate) dark: bool,
}

/// The app in its window.
pub(crate) struct App {
    pub(crate) page: Session,
    driver: Driver,
    folder: TempDir,
}

impl App {
    pub(crate) fn start(start: Start) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = folder.path().join("data");
        std::fs::create_dir_all(&data_dir).expect("the data folder");
        let mut arguments = vec!["--data-dir".to_owned(), data_dir.display().to_string()];
        arguments.extend(start.arguments);
        let driver = Driver::start(folder.path(), start.dark);
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": binary().display().to_string(), "args": arguments }
        });
        let page = Session::new(driver.address, capabilities, PATIENCE)
            .expect("the driver starts the app");
        Self {
            page,
            driver,
            folder,
        }
    }

    /// Starts the app once more, as a second click on its icon does; how that start ended.
    pub(crate) fn start_again(&self, data_dir: &Path) -> ExitStatus {
        let mut second = Command::new(binary())
            .arg("--data-dir")
            .arg(data_dir)
            .spawn()
            .expect("the app starts");
        let mut ended = None;
        until(|| {
            ended = second.try_wait().expect("it is our child");
            ended.is_some()
        });
        ended.unwrap_or_else(|| {
            let _ = second.kill();
            self.fail("the second start goes on beside the first")
        })
    }

    /// Where the app keeps everything.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The element with this role and name, as a person (or a screen reader) finds it; waits for it.
    pub(crate) fn find(&self, role: Role, name: &str) -> Element {
        let path = role.path(name);
        let mut found = None;
        until(|| {
            found = self.page.element(&path);
            found.is_some()
        });
        found.unwrap_or_else(|| self.fail(&format!("there is no {role:?} named \"{name}\"")))
    }

    /// Clicks it, once nothing covers it any more.
    pub(crate) fn click(&self, role: Role, name: &str) {
        let mut last = None;
        let clicked = until(|| match self.page.click(&self.find(role, name)) {
            Ok(()) => true,
            Err(refused) => {
                last = Some(refused);
                false
            }
        });
        if !clicked {
            self.fail(&format!(
                "the {role:?} named \"{name}\" cannot be clicked: {last:?}"
            ));
        }
    }

    /// Plays the user in their browser: signs in on the page that the app opens there, allows, and comes back.
    pub(crate) fn sign_in(&self) {
        let url = self
            .opened_in_browser()
            .parse()
            .expect("the app opens an address");
        // The visitor is asynchronous, and TLS wants its provider even where all is plain HTTP.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let landing = runtime
            .block_on(sandbox::browser::sign_in(&url))
            .expect("the sample platform signs us in");
        assert_eq!(
            landing.status, 200,
            "the app answered the browser: {}",
            landing.page
        );
    }

    /// Drags with the pointer, in steps, as a hand does.
    fn drag(&self, from: &Element, to: &Element) {
        let (from, to) = (self.page.centre(from), self.page.centre(to));
        let moved = |(x, y): (i64, i64), time: i64| json!({ "type": "pointerMove", "duration": time, "x": x, "y": y });
        let mut hand = vec![
            moved(from, 0),
            json!({ "type": "pointerDown", "button": 0 }),
        ];
        for step in 1..=DRAG_STEPS {
            let between = |from: i64, to: i64| from + (to - from) * step / DRAG_STEPS;
            hand.push(moved(
                (between(from.0, to.0), between(from.1, to.1)),
                DRAG_STEP_MS,
            ));
        }
        hand.push(json!({ "type": "pointerUp", "button": 0 }));
        self.hand(hand);
    }

    /// Draws a cable from a field of the source to one of the target.
    pub(crate) fn draw_cable(&self, source: &str, target: &str) {
        let (from, to) = (
            self.find(Role::Source, source),
            self.find(Role::Target, target),
        );
        self.page.run(SHOW, &[from.reference()]);
        self.page.run(SHOW, &[to.reference()]);
        self.drag(&from, &to);
        self.comes_from(target, source);
    }

    /// Shows only some fields of the source; the trees show no more than fits.
    pub(crate) fn search_source(&self, words: &str) {
        let field = self.find(Role::SourceSearch, "Find a field");
        if let Err(refused) = self.page.type_into(&field, words) {
            self.fail(&format!("nothing can be searched: {refused:?}"));
        }
    }

    /// Gives a field of the target a value that is always sent.
    pub(crate) fn type_value(&self, target: &str, value: &str) {
        let row = self.find(Role::Target, target);
        self.page.run(SHOW, &[row.reference()]);
        let (x, y) = self.page.centre(&row);
        let mut hand = vec![json!({ "type": "pointerMove", "duration": 0, "x": x, "y": y })];
        for _ in 0..2 {
            hand.push(json!({ "type": "pointerDown", "button": 0 }));
            hand.push(json!({ "type": "pointerUp", "button": 0 }));
        }
        self.hand(hand);
        let field = self.find(Role::Value, target);
        if let Err(refused) = self.page.type_into(&field, &format!("{value}{ENTER}")) {
            self.fail(&format!("no value can be typed for {target}: {refused:?}"));
        }
        self.comes_from(target, "constant");
    }

    fn comes_from(&self, target: &str, origin: &str) {
        let made =
            format!("//*[@id=\"map-target-{target}\"][contains(@aria-label, \"from {origin}\")]");
        if !until(|| self.page.element(&made).is_some()) {
            self.fail(&format!("{target} does not come from {origin}"));
        }
    }

    /// Does what a hand at the mouse does.
    fn hand(&self, actions: Vec<Value>) {
        let mouse = json!({ "type": "pointer", "id": "hand", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.page.perform(&json!([mouse]));
    }

    /// All words on the page.
    pub(crate) fn text(&self) -> String {
        self.page
            .run("return document.body.innerText", &[])
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until the page says this.
    pub(crate) fn says(&self, words: &str) {
        if !until(|| self.text().contains(words)) {
            self.fail(&format!("the page does not say \"{words}\""));
        }
    }

    /// Keeps a picture of the window under this name. It is the window as it is on the screen: the driver's own
    /// pictures wait for ever under a display without a compositor.
    pub(crate) fn photograph(&self, name: &str) {
        let folder = artifacts().join("desktop");
        std::fs::create_dir_all(&folder).expect("the folder for pictures");
        let file = folder.join(format!("{name}.png"));
        let loading = "//*[@role='status'][starts-with(@aria-label, 'Loading')]";
        until(|| self.page.element(loading).is_none());
        // What the page has decided to show is on the screen after two frames.
        self.page.run_until_answer(
            "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => done(null)));",
            &[],
        );
        let painted = until(|| {
            let taken = Command::new("import")
                .args(["-window", "Patchbay"])
                .arg(&file)
                .status();
            assert!(
                taken
                    .expect("ImageMagick is installed: `cargo xtask setup`")
                    .success(),
                "no window to photograph"
            );
            file.metadata()
                .is_ok_and(|metadata| metadata.len() > EMPTY_WINDOW)
        });
        assert!(painted, "the window stays empty");
    }

    /// The address that the app last asked the system's browser to open; waits for it.
    fn opened_in_browser(&self) -> String {
        let file = &self.driver.opened;
        if !until(|| file.is_file()) {
            self.fail("the app opened nothing in the browser");
        }
        let url = std::fs::read_to_string(file).expect("the browser script wrote it");
        std::fs::remove_file(file).expect("it is taken once");
        url.trim().to_owned()
    }

    /// Says what the page shows instead, in a picture and in words.
    pub(crate) fn fail(&self, what: &str) -> ! {
        let test = std::thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", "-");
        self.photograph(&format!("failed-{test}"));
        panic!("{what}; the page says:\n{}", self.text());
    }
}

/// How a thing on the page is found: by what it is to the user.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Heading,
    Button,
    /// A button that says more than its name, as the ones in a gallery do.
    ButtonWith,
    Link,
    /// The choice with this text under the heading of a card.
    ChoiceUnder(&'static str),
    /// A field of the mapping, by its path.
    Source,
    Target,
    /// Where the fields of the source are searched.
    SourceSearch,
    /// Where the value of a field of the target is typed.
    Value,
}

impl Role {
    fn path(self, name: &str) -> String {
        assert!(!name.contains('"'), "XPath has no escapes");
        let named =
            format!("normalize-space()=\"{name}\" or @aria-label=\"{name}\" or @title=\"{name}\"");
        match self {
            Self::Heading => {
                format!("//*[self::h1 or self::h2 or self::h3 or @role='heading'][{named}]")
            }
            Self::Button => format!("//button[not(@disabled)][{named}]"),
            Self::ButtonWith => {
                format!("//button[not(@disabled)][contains(normalize-space(), \"{name}\")]")
            }
            Self::Link => format!("//a[{named}]"),
            Self::ChoiceUnder(heading) => format!(
                "//section[.//h2[normalize-space()=\"{heading}\"]]//label[contains(normalize-space(), \"{name}\")]"
            ),
            Self::Source => format!("//*[@role='treeitem' and @id=\"map-source-{name}\"]"),
            Self::SourceSearch => format!("//input[starts-with(@placeholder, \"{name}\")]"),
            Self::Value => format!("//input[@aria-label=\"Value of {name}\"]"),
            Self::Target => format!("//*[@role='treeitem' and @id=\"map-target-{name}\"]"),
        }
    }
}

/// Asks again and again until it is so; whether it ever was.
#[expect(
    clippy::disallowed_methods,
    reason = "the app is another process: there is nothing to wait on but its answers"
)]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// WebKitWebDriver, in a process group of its own together with the app.
struct Driver {
    process: Child,
    address: SocketAddr,
    /// Where the address is put that the app wants opened in the browser.
    opened: PathBuf,
}

impl Driver {
    fn start(folder: &Path, dark: bool) -> Self {
        // Otherwise this start would hand over to an app of the test before, which is just ending.
        assert!(
            until(|| !is_running()),
            "another Patchbay runs on this session bus"
        );
        let address = free_address();
        let opened = folder.join("opened-in-browser");
        install_browser(folder, &opened);
        let process = Command::new("WebKitWebDriver")
            .arg("--host=127.0.0.1")
            .arg(format!("--port={}", address.port()))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("GTK_THEME", if dark { "Adwaita:dark" } else { "Adwaita" })
            .env("XDG_DATA_HOME", folder.join("share"))
            .env("XDG_CONFIG_HOME", folder.join("config"))
            // With no desktop, xdg-open itself looks up the default browser.
            .env_remove("XDG_CURRENT_DESKTOP")
            .env_remove("DESKTOP_SESSION")
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("WebKitWebDriver is installed: `cargo xtask setup`");
        let mut driver = Self {
            process,
            address,
            opened,
        };
        let ended = |driver: &mut Self| {
            driver
                .process
                .try_wait()
                .expect("it is our child")
                .is_some()
        };
        let listens = until(|| ended(&mut driver) || TcpStream::connect(address).is_ok());
        assert!(listens && !ended(&mut driver), "the driver does not listen");
        driver
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The group has the driver's number. Also when a test fails, nothing stays behind.
        let group = format!("-{}", self.process.id());
        for signal in ["-TERM", "-KILL"] {
            let _ = Command::new("kill")
                .args([signal, "--", &group])
                .stderr(Stdio::null())
                .status();
        }
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

/// Makes this user's default browser one that only notes the address: the test then plays the user in it.
fn install_browser(folder: &Path, opened: &Path) {
    let script = folder.join("browser");
    let opened = opened.display();
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$1\" > '{opened}.new' && mv '{opened}.new' '{opened}'\n"
    );
    std::fs::write(&script, text).expect("the browser script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
        .expect("it may be started");
    let applications = folder.join("share/applications");
    std::fs::create_dir_all(&applications).expect("the folder for applications");
    let entry = format!(
        "[Desktop Entry]\nType=Application\nName=Test browser\nExec={} %u\n",
        script.display()
    );
    std::fs::write(applications.join("test-browser.desktop"), entry)
        .expect("the application's entry");
    let defaults = "[Default Applications]\nx-scheme-handler/http=test-browser.desktop\nx-scheme-handler/https=test-browser.desktop\n";
    std::fs::create_dir_all(folder.join("config")).expect("the folder for settings");
    std::fs::write(folder.join("config/mimeapps.list"), defaults).expect("the default browser");
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
