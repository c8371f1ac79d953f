//! Patterns of one step, as the shells of Unix have them.

use compact_str::CompactString;

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    source: CompactString,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Exactly(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `[a-z_]` or `[!a-z_]`
    Among {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Pattern {
    /// Whether `step` is more than a name.
    pub(super) fn is_needed(step: &str) -> bool {
        step.contains(['*', '?', '['])
    }

    pub(super) fn new(source: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = source.chars();
        while let Some(c) = rest.next() {
            parts.push(match c {
                '*' => {
                    if parts.last() == Some(&Part::Many) {
                        continue;
                    }
                    Part::Many
                }
                '?' => Part::One,
                '[' => match among(rest.as_str()) {
                    Some((part, after)) => {
                        rest = after.chars();
                        part
                    }
                    // Never closed: a bracket like any other letter.
                    None => Part::Exactly('['),
                },
                c => Part::Exactly(c),
            });
        }
        Self {
            source: source.into(),
            parts,
        }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// `*`: everything fits.
    pub(super) fn is_star(&self) -> bool {
        self.source == "*"
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        let mut parts = self.parts.as_slice();
        let mut rest = text;
        // Where to go back to: behind the last `*`, with one letter more for it.
        let mut retry: Option<(&[Part], &str)> = None;
        loop {
            match parts.split_first() {
                Some((Part::Many, after)) => {
                    retry = Some((after, rest));
                    parts = after;
                    continue;
                }
                Some((part, after)) => {
                    let mut letters = rest.chars();
                    if letters.next().is_some_and(|letter| part.is(letter)) {
                        parts = after;
                        rest = letters.as_str();
                        continue;
                    }
                }
                None if rest.is_empty() => return true,
                None => {}
            }
            let Some((after, from)) = retry else {
                return false;
            };
            let mut letters = from.chars();
            if letters.next().is_none() {
                return false;
            }
            rest = letters.as_str();
            parts = after;
            retry = Some((after, rest));
        }
    }
}

impl Part {
    fn is(&self, letter: char) -> bool {
        match self {
            Self::Exactly(own) => *own == letter,
            Self::One | Self::Many => true,
            Self::Among { ranges, negated } => {
                let inside = ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&letter));
                inside != *negated
            }
        }
    }
}

/// The choice that begins behind a `[`, and what follows its `]`.
fn among(text: &str) -> Option<(Part, &str)> {
    let (negated, inside) = match text.strip_prefix('!') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    // A bracket that stands first is one of the letters.
    let first = inside.chars().next()?;
    let (_, searched) = inside.split_at_checked(first.len_utf8())?;
    let (chosen, after) = inside.split_at_checked(first.len_utf8() + searched.find(']')?)?;
    let letters: Vec<char> = chosen.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = letters.as_slice();
    loop {
        rest = match rest {
            [first, '-', last, rest @ ..] => {
                ranges.push((*first, *last));
                rest
            }
            [letter, rest @ ..] => {
                ranges.push((*letter, *letter));
                rest
            }
            [] => break,
        };
    }
    Some((Part::Among { ranges, negated }, after.strip_prefix(']')?))
}
