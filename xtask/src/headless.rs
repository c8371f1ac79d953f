//! Running a desktop program without a screen: a virtual display, a session bus of its own, and a keychain.
//!
//! The keychain is the real Secret Service with an empty password. Every folder in which it and the webview keep
//! something is a fresh one, so a developer's own keychain is never touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, paths};

/// Starts the keychain on the new bus, then becomes the program.
const SESSION: &str = r#"printf '\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
exec "$@""#;

/// Folders for one headless session; removed at the end.
pub(crate) struct Session {
    folder: PathBuf,
}

impl Session {
    pub(crate) fn new() -> Result<Self> {
        let folder = paths::target()?
            .join("headless")
            .join(std::process::id().to_string());
        let _ = std::fs::remove_dir_all(&folder);
        for name in ["data", "config", "cache", "state", "runtime", "screen"] {
            std::fs::create_dir_all(folder.join(name))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(
                folder.join("runtime"),
                std::fs::Permissions::from_mode(0o700),
            )?;
        }
        Ok(Self { folder })
    }

    /// A folder of this session's.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The command under a display and a bus of its own.
    pub(crate) fn with_display(&self, command: &Command) -> Command {
        let mut wrapped = Command::new("xvfb-run");
        wrapped.args(["-a", "-s", "-screen 0 1440x960x24 -nolisten tcp"]);
        self.finish(wrapped, command)
    }

    /// The command under a bus of its own, on a display that is already there.
    pub(crate) fn on_display(&self, command: &Command, display: &str) -> Command {
        let mut wrapped = Command::new("env");
        wrapped.arg(format!("DISPLAY={display}"));
        self.finish(wrapped, command)
    }

    fn finish(&self, mut wrapped: Command, command: &Command) -> Command {
        wrapped.args(["dbus-run-session", "--", "sh", "-c", SESSION, "sh"]);
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
        for (name, folder) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "runtime"),
        ] {
            wrapped.env(name, self.folder(folder));
        }
        // Only here, never for users: it makes WebKit paint without a graphics card's buffers, which Xvfb has not.
        wrapped.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        for name in [
            "WAYLAND_DISPLAY",
            "DBUS_SESSION_BUS_ADDRESS",
            "GNOME_KEYRING_CONTROL",
        ] {
            wrapped.env_remove(name);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        wrapped
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
