//! What is printed: answers on standard output, everything else on standard error.
//!
//! Text that came from a platform is printed without control characters: it must not steer the terminal.

use std::io::{self, IsTerminal, Write};

use jiff::tz::TimeZone;
use model::clock::Millis;
use serde::Serialize;

use crate::failure::Failure;

/// Where a command puts what it has to say.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    /// A line of progress is written over the one before.
    redraws: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            redraws: io::stderr().is_terminal(),
        }
    }

    /// Whether a program reads the answer.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The answer: JSON for a program, else what `human` writes.
    pub(crate) fn answer(
        &self,
        answer: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let text = if self.json {
            serde_json::to_string(answer)
                .map_err(|error| Failure::internal("An answer could not be written.", &error))?
        } else {
            human()
        };
        self.print(text.trim_end_matches('\n'))
    }

    /// Text on standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(|_| Failure::NobodyReads)
    }

    /// A remark for the person, not part of the answer.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// A line that changes while something is at work.
    pub(crate) fn progress(&self, text: &str) {
        if !self.json && self.redraws {
            _ = write!(io::stderr(), "\r\x1b[2K{}", clean(text));
        }
    }

    /// Takes the line of progress away.
    pub(crate) fn progress_ends(&self) {
        if !self.json && self.redraws {
            _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }

    /// Why a command could not do its work.
    pub(crate) fn failure(&self, failure: &Failure) {
        let Failure::Told(error) = failure else {
            return;
        };
        let mut out = io::stderr().lock();
        if self.json {
            let text = serde_json::json!({ "error": error });
            _ = writeln!(out, "{text}");
            return;
        }
        _ = writeln!(out, "{}", clean(&error.message));
        if let Some(hint) = &error.hint {
            _ = writeln!(out, "{}", clean(hint));
        }
        if let Some(details) = &error.details {
            for line in details.lines() {
                _ = writeln!(out, "  {}", clean(line));
            }
        }
    }
}

/// Columns side by side, each as wide as its widest cell; the first row is the heading.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    for row in &rows {
        for (n, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(n) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.chars().count()) + 2,
            ));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One row of [`table`].
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// On one line and without anything that steers a terminal.
pub(crate) fn clean(text: &str) -> String {
    const LONGEST: usize = 2_000;
    text.chars()
        .take(LONGEST)
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            // Turns the direction of what follows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// At most so many characters.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= most {
        return text;
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// "1 record", "2 records".
pub(crate) fn counted(n: u64, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// A point in time on the clock of this computer.
pub(crate) fn time(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|at| {
            at.to_zoned(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let text = table(&[
            row(["Name", "State"]),
            row(["Köln", "well"]),
            row(["x", ""]),
        ]);
        assert_eq!(text, "Name  State\nKöln  well\nx\n");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(
            clean("a\x1b[31mb\r\nc\u{202e}d"),
            "a\u{fffd}[31mb\u{fffd} c\u{fffd}d"
        );
        assert_eq!(clip("abcdef", 4), "abc…");
    }
}
