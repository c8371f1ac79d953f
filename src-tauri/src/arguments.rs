//! What the app is started with.

use std::path::PathBuf;

use clap::Parser;

/// Connects the platforms you use directly to one another.
#[derive(Parser, PartialEq, Eq, Debug)]
#[command(name = "patchbay-desktop", version)]
pub(crate) struct Arguments {
    /// Start two practice platforms on this computer and open the workspace with them.
    #[arg(long)]
    pub(crate) sample: bool,
    /// Start in the tray, without a window.
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Keep everything in this folder instead of this user's usual place.
    #[arg(long, value_name = "DIR", env = "PATCHBAY_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_start_opens_a_window_without_practice_platforms() {
        let arguments = Arguments::parse_from(["patchbay-desktop"]);
        assert!(!arguments.sample && !arguments.hidden);
    }

    #[test]
    fn the_folder_is_taken_as_it_is_written() {
        let arguments =
            Arguments::parse_from(["patchbay-desktop", "--hidden", "--data-dir", "a folder"]);
        assert!(arguments.hidden);
        assert_eq!(arguments.data_dir, Some(PathBuf::from("a folder")));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let error = Arguments::try_parse_from(["patchbay-desktop", "--sampel"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("--sampel") && error.contains("--sample"),
            "{error}"
        );
    }
}
