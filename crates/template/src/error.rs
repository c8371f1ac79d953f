//! What can be wrong with a template, and what can go wrong when it is evaluated.

/// A text that is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}, expected {expected} (line {line}, column {column})")]
pub struct TemplateError {
    /// Line, counted from 1.
    pub line: usize,
    /// Character in the line, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    pub expected: String,
}

/// A template that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct Error {
    /// What kind of problem it is.
    pub kind: ErrorKind,
    /// What went wrong: a fragment that names the part of the template.
    pub message: String,
    /// Line in the template, counted from 1.
    pub line: usize,
    /// Character in the line, counted from 1.
    pub column: usize,
}

/// What kind of problem an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It uses a name that the scope does not have. The template or its place is wrong.
    UnknownName,
    /// It reaches into something that is not there, for these values.
    Undefined,
    /// An operation does not fit the kind of a value, such as `1 + 'a'`.
    WrongType,
    /// An operation failed on these values, such as a date that is none.
    Failed,
    /// It took too many steps, made too much text, or went too deep.
    Exhausted,
}
