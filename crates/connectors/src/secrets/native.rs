//! What differs between the keychains of the systems: how they are reached, what they are called, and
//! whether they can ask the person something.

#[cfg(target_os = "linux")]
mod system {
    use std::collections::HashMap;
    use std::sync::Arc;

    use keyring_core::CredentialStore;

    pub(in crate::secrets) const NAME: &str = "Secret Service";

    pub(in crate::secrets) fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
        Ok(zbus_secret_service_keyring_store::Store::new()?)
    }

    pub(in crate::secrets) fn entry(
        store: &Arc<CredentialStore>,
        service: &str,
        user: &str,
    ) -> keyring_core::Result<keyring_core::Entry> {
        let label = format!("{service}: {user}");
        store.build(
            service,
            user,
            Some(&HashMap::from([("label", label.as_str())])),
        )
    }

    pub(in crate::secrets) fn can_ask() -> bool {
        ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    }

    /// "Secret Service (GNOME Keyring)": the bus knows which process answers.
    pub(in crate::secrets) fn name() -> String {
        let program = provider();
        let product = match program.as_deref() {
            Some(program) if program.starts_with("gnome-keyring") => "GNOME Keyring",
            Some(program) if program.starts_with("kwalletd") || program == "ksecretd" => {
                "KDE Wallet"
            }
            Some(program) if program.starts_with("keepassxc") => "KeePassXC",
            Some(program) if program.starts_with("oo7") => "oo7",
            _ => return NAME.to_owned(),
        };
        format!("{NAME} ({product})")
    }

    fn provider() -> Option<String> {
        const BUS: &str = "org.freedesktop.DBus";
        const SECRETS: &str = "org.freedesktop.secrets";
        let bus = zbus::blocking::Connection::session().ok()?;
        let call = |method: &str| {
            bus.call_method(
                Some(BUS),
                "/org/freedesktop/DBus",
                Some(BUS),
                method,
                &SECRETS,
            )
        };
        let ask = || -> Option<u32> {
            call("GetConnectionUnixProcessID")
                .ok()?
                .body()
                .deserialize()
                .ok()
        };
        let process = ask().or_else(|| {
            // Not running yet: the bus starts it for the first who asks.
            bus.call_method(
                Some(BUS),
                "/org/freedesktop/DBus",
                Some(BUS),
                "StartServiceByName",
                &(SECRETS, 0_u32),
            )
            .ok()?;
            ask()
        })?;
        let program = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
        Some(program.trim().to_owned())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::Arc;

    use keyring_core::CredentialStore;

    #[cfg(target_os = "macos")]
    pub(in crate::secrets) const NAME: &str = "macOS Keychain";
    #[cfg(target_os = "windows")]
    pub(in crate::secrets) const NAME: &str = "Windows Credential Manager";
    #[cfg(not(any(target_os = "macos", target_os = "windows")))]
    pub(in crate::secrets) const NAME: &str = "keychain";

    pub(in crate::secrets) fn connect() -> keyring_core::Result<Arc<CredentialStore>> {
        #[cfg(target_os = "macos")]
        return Ok(apple_native_keyring_store::keychain::Store::new()?);
        #[cfg(target_os = "windows")]
        return Ok(windows_native_keyring_store::Store::new()?);
        #[cfg(not(any(target_os = "macos", target_os = "windows")))]
        return Err(keyring_core::Error::NoDefaultStore);
    }

    pub(in crate::secrets) fn entry(
        store: &Arc<CredentialStore>,
        service: &str,
        user: &str,
    ) -> keyring_core::Result<keyring_core::Entry> {
        store.build(service, user, None)
    }

    pub(in crate::secrets) fn can_ask() -> bool {
        true
    }

    pub(in crate::secrets) fn name() -> String {
        NAME.to_owned()
    }
}

pub(super) use system::{NAME, can_ask, connect, entry, name};
