//! What the app is started with.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
patchbay-desktop [--sample] [--data-dir DIR] [--hidden]

  --sample        open the sample workspace: two practice platforms on this computer
  --data-dir DIR  keep everything in DIR; PATCHBAY_DATA_DIR does the same
  --hidden        start in the tray, without a window";

/// The command line, parsed.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Arguments {
    pub(crate) sample: bool,
    pub(crate) hidden: bool,
    /// The flag first, then PATCHBAY_DATA_DIR; None is this user's usual place.
    pub(crate) data_dir: Option<PathBuf>,
}

/// Parses the words after the program's name; what is not understood is returned as the reason.
pub(crate) fn parse(
    words: impl IntoIterator<Item = OsString>,
    data_dir_variable: Option<OsString>,
) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        data_dir: data_dir_variable
            .filter(|value| !value.is_empty())
            .map(PathBuf::from),
        ..Arguments::default()
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_string_lossy().as_ref() {
            "--sample" => arguments.sample = true,
            "--hidden" => arguments.hidden = true,
            "--data-dir" => match words.next() {
                Some(folder) => arguments.data_dir = Some(folder.into()),
                None => return Err("`--data-dir` needs a folder behind it".to_owned()),
            },
            other => match other.strip_prefix("--data-dir=") {
                Some(folder) => arguments.data_dir = Some(folder.into()),
                None => return Err(format!("`{other}` is not known")),
            },
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str], variable: Option<&str>) -> Result<Arguments, String> {
        parse(
            words.iter().map(OsString::from),
            variable.map(OsString::from),
        )
    }

    #[test]
    fn a_plain_start_opens_the_usual_workspace() {
        assert_eq!(parsed(&[], None), Ok(Arguments::default()));
        assert_eq!(parsed(&[], Some("")), Ok(Arguments::default()));
    }

    #[test]
    fn the_flag_wins_over_the_variable() {
        let check = |words: &[&str], variable: Option<&str>, expected: &str| {
            assert_eq!(
                parsed(words, variable).unwrap().data_dir,
                Some(PathBuf::from(expected))
            );
        };
        check(&[], Some("/variable"), "/variable");
        check(&["--data-dir", "/flag"], Some("/variable"), "/flag");
        check(&["--data-dir=/flag", "--hidden"], None, "/flag");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(
            parsed(&["--sampel"], None),
            Err("`--sampel` is not known".to_owned())
        );
        assert!(
            parsed(&["--data-dir"], None)
                .unwrap_err()
                .contains("needs a folder")
        );
    }
}
