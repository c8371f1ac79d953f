//! The tray icon: how Patchbay is, at a glance, and what one wants of it without opening the window.

use tauri::image::Image;
use tauri::menu::{Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Wry, include_image};

use crate::{door, window};

/// How Patchbay is, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TrayState {
    /// This many matters wait for the user.
    Attention(usize),
    /// The user paused the schedules.
    Paused,
    /// This many runs are under way.
    Running(usize),
    Idle,
}

impl TrayState {
    fn icon(self) -> Image<'static> {
        match self {
            Self::Attention(_) => include_image!("../icons/tray-attention.png"),
            Self::Paused => include_image!("../icons/tray-paused.png"),
            Self::Running(_) => include_image!("../icons/tray-running.png"),
            Self::Idle => include_image!("../icons/tray-idle.png"),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Attention(1) => "One matter needs you".to_owned(),
            Self::Attention(count) => format!("{count} matters need you"),
            Self::Paused => "Paused".to_owned(),
            Self::Running(1) => "One sync is running".to_owned(),
            Self::Running(count) => format!("{count} syncs are running"),
            Self::Idle => "Nothing is running".to_owned(),
        }
    }
}

/// A sync in the menu: its id and its name.
pub(crate) type NamedSync = (String, String);

/// What the tray shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TrayView {
    pub(crate) state: TrayState,
    pub(crate) paused: bool,
    pub(crate) syncs: Vec<NamedSync>,
}

/// More syncs than this are started from the window.
const SYNCS_IN_MENU: usize = 12;
const RUN: &str = "run:";

/// The icon and the parts of its menu that change.
pub(crate) struct Tray {
    icon: TrayIcon,
    words: MenuItem<Wry>,
    run_now: Submenu<Wry>,
    pause: MenuItem<Wry>,
    shown: std::sync::Mutex<Option<TrayView>>,
}

impl Tray {
    pub(crate) fn build(app: &AppHandle) -> tauri::Result<Self> {
        let words = MenuItem::with_id(app, "words", TrayState::Idle.words(), false, None::<&str>)?;
        let open = MenuItem::with_id(app, "open", "Open Patchbay", true, None::<&str>)?;
        let run_now = Submenu::with_id(app, "run_now", "Run now", false)?;
        let pause = MenuItem::with_id(app, "pause", "Pause", true, None::<&str>)?;
        let quit = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
        let line = || PredefinedMenuItem::separator(app);
        let menu = Menu::with_items(
            app,
            &[&words, &line()?, &open, &run_now, &pause, &line()?, &quit],
        )?;
        let icon = TrayIconBuilder::with_id("main")
            .icon(TrayState::Idle.icon())
            .tooltip("Patchbay")
            .menu(&menu)
            .show_menu_on_left_click(false)
            .on_menu_event(on_menu)
            .on_tray_icon_event(|tray, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                {
                    window::show(tray.app_handle());
                }
            })
            .build(app)?;
        Ok(Self {
            icon,
            words,
            run_now,
            pause,
            shown: std::sync::Mutex::new(None),
        })
    }

    /// Shows this, unless it is what is shown already.
    pub(crate) fn show(&self, app: &AppHandle, view: TrayView) -> tauri::Result<()> {
        let Ok(mut shown) = self.shown.lock() else {
            return Ok(());
        };
        if shown.as_ref() == Some(&view) {
            return Ok(());
        }
        let words = view.state.words();
        self.icon.set_icon(Some(view.state.icon()))?;
        self.icon.set_tooltip(Some(format!("Patchbay: {words}")))?;
        self.words.set_text(words)?;
        self.pause
            .set_text(if view.paused { "Resume" } else { "Pause" })?;
        if shown.as_ref().is_none_or(|shown| shown.syncs != view.syncs) {
            while self.run_now.remove_at(0)?.is_some() {}
            for (id, name) in view.syncs.iter().take(SYNCS_IN_MENU) {
                self.run_now.append(&MenuItem::with_id(
                    app,
                    format!("{RUN}{id}"),
                    name,
                    true,
                    None::<&str>,
                )?)?;
            }
            self.run_now.set_enabled(!view.syncs.is_empty())?;
        }
        *shown = Some(view);
        Ok(())
    }

    fn is_paused(&self) -> bool {
        self.shown
            .lock()
            .is_ok_and(|shown| shown.as_ref().is_some_and(|view| view.paused))
    }
}

fn on_menu(app: &AppHandle, event: MenuEvent) {
    match event.id().as_ref() {
        "open" => window::show(app),
        "pause" => {
            let paused = app.try_state::<Tray>().is_some_and(|tray| tray.is_paused());
            door::set_paused(app, !paused);
        }
        "quit" => door::quit(app),
        other => {
            if let Some(sync) = other.strip_prefix(RUN) {
                door::run_now(app, sync.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_count_what_they_name() {
        let check = |state: TrayState, expected: &str| assert_eq!(state.words(), expected);
        check(TrayState::Attention(1), "One matter needs you");
        check(TrayState::Attention(3), "3 matters need you");
        check(TrayState::Running(2), "2 syncs are running");
        check(TrayState::Idle, "Nothing is running");
    }
}
