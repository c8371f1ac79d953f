//! The system packages that Patchbay is built, run and tested with, and how each system names them.

/// What a verb is about to do, as far as system packages go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Compile the core: engine, connectors, command line.
    Core,
    /// Compile the desktop app: the webview's libraries.
    Desktop,
    /// Start the desktop app without a screen and drive it.
    Headless,
    /// Drive the UI in a browser.
    Browser,
}

impl Need {
    pub(crate) const ALL: [Need; 4] = [Need::Core, Need::Desktop, Need::Headless, Need::Browser];

    /// Why, for the person who is asked for a password or waits for the download.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Need::Core => "to compile: the C compiler and make, for SQLCipher and TLS",
            Need::Desktop => {
                "to build the desktop app: the system's webview, tray and D-Bus libraries"
            }
            Need::Headless => {
                "to test the desktop app without a screen: virtual display, session bus, keychain, driver"
            }
            Need::Browser => "to test the UI in a real browser: Chromium",
        }
    }
}

/// One package on Debian and Ubuntu.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// Programs that do the same job: with one of them on the PATH the package is not needed.
    pub(crate) or_program: &'static [&'static str],
}

const fn package(name: &'static str) -> Package {
    Package {
        name,
        or_program: &[],
    }
}

const fn package_or(name: &'static str, or_program: &'static [&'static str]) -> Package {
    Package { name, or_program }
}

/// The programs that the browser tests can use.
pub(crate) const CHROMIUM: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

const DEBIAN_CORE: &[Package] = &[package("build-essential"), package("pkg-config")];
const DEBIAN_DESKTOP: &[Package] = &[
    package("libwebkit2gtk-4.1-dev"),
    package("libayatana-appindicator3-dev"),
    package("librsvg2-dev"),
    package("libdbus-1-dev"),
];
const DEBIAN_HEADLESS: &[Package] = &[
    package("xvfb"),
    package("xauth"),
    package("webkit2gtk-driver"),
    package("dbus"),
    package("dbus-x11"),
    package("gnome-keyring"),
    package("libsecret-tools"),
    package("xdg-utils"),
    package("libayatana-appindicator3-1"),
    package("librsvg2-common"),
    package_or("imagemagick", &["import"]),
];
const DEBIAN_BROWSER: &[Package] = &[package_or("chromium", CHROMIUM)];

/// The packages of a need on Debian and Ubuntu.
pub(crate) fn debian(need: Need) -> &'static [Package] {
    match need {
        Need::Core => DEBIAN_CORE,
        Need::Desktop => DEBIAN_DESKTOP,
        Need::Headless => DEBIAN_HEADLESS,
        Need::Browser => DEBIAN_BROWSER,
    }
}

/// How to know that a need is met where we cannot ask the package manager.
pub(crate) struct Signs {
    /// Every one of these has to be on the PATH.
    pub(crate) programs: &'static [&'static str],
    /// One of these has to be on the PATH.
    pub(crate) one_of: &'static [&'static str],
    /// pkg-config has to know every one of these.
    pub(crate) libraries: &'static [&'static str],
}

/// The signs of a need on a Linux that is not Debian.
pub(crate) fn signs(need: Need) -> Signs {
    match need {
        Need::Core => Signs {
            programs: &["cc", "make", "perl", "pkg-config"],
            one_of: &[],
            libraries: &[],
        },
        Need::Desktop => Signs {
            programs: &[],
            one_of: &[],
            libraries: &["webkit2gtk-4.1", "librsvg-2.0", "dbus-1"],
        },
        Need::Headless => Signs {
            programs: &[
                "Xvfb",
                "xvfb-run",
                "WebKitWebDriver",
                "dbus-run-session",
                "gnome-keyring-daemon",
                "xdg-open",
            ],
            one_of: &[],
            libraries: &[],
        },
        Need::Browser => Signs {
            programs: &[],
            one_of: CHROMIUM,
            libraries: &[],
        },
    }
}

/// The command that installs a need on Fedora.
pub(crate) fn fedora(need: Need) -> &'static str {
    match need {
        Need::Core => "gcc gcc-c++ make perl pkgconf-pkg-config",
        Need::Desktop => "webkit2gtk4.1-devel libappindicator-gtk3-devel librsvg2-devel dbus-devel",
        Need::Headless => {
            "xorg-x11-server-Xvfb xorg-x11-xauth webkit2gtk-driver dbus-daemon dbus-x11 gnome-keyring libsecret xdg-utils ImageMagick"
        }
        Need::Browser => "chromium",
    }
}

/// The packages of a need on Arch.
pub(crate) fn arch(need: Need) -> &'static str {
    match need {
        Need::Core => "base-devel perl",
        Need::Desktop => "webkit2gtk-4.1 libayatana-appindicator librsvg dbus",
        Need::Headless => {
            "xorg-server-xvfb xorg-xauth webkitgtk-6.0 dbus gnome-keyring libsecret xdg-utils imagemagick"
        }
        Need::Browser => "chromium",
    }
}
