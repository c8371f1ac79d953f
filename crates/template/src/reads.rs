//! Which parts of an input a template reads.

use compact_str::CompactString;

/// Which parts below one name a template reads, as far as its text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The name does not occur.
    Nothing,
    /// Only what is at or below these paths: `response.meta.next` and `response['meta']['next']` are `["meta", "next"]`.
    /// Sorted; none begins with another.
    Paths(Vec<Vec<CompactString>>),
    /// The name is used in a way that may read anything.
    Everything,
}

impl Reads {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, _) | (_, Self::Everything) => Self::Everything,
            (Self::Nothing, reads) | (reads, Self::Nothing) => reads,
            (Self::Paths(mut paths), Self::Paths(more)) => {
                paths.extend(more);
                paths.sort();
                // A path covers all that begin with it, and those stand right behind it.
                paths.dedup_by(|next, kept| next.starts_with(kept));
                Self::Paths(paths)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&[&str]]) -> Reads {
        Reads::Paths(
            paths
                .iter()
                .map(|path| path.iter().map(|step| (*step).into()).collect())
                .collect(),
        )
    }

    #[test]
    fn a_path_covers_what_is_below_it() {
        let both = paths(&[&["a", "b"], &["c"]]).and(paths(&[&["a"], &["c", "d"]]));
        assert_eq!(both, paths(&[&["a"], &["c"]]));
        assert_eq!(both.clone().and(Reads::Nothing), both);
        assert_eq!(both.and(Reads::Everything), Reads::Everything);
    }
}
