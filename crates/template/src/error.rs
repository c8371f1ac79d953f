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
    /// The part that is not there as the template writes it, such as `record.name`, where one is missing.
    pub missing: Option<String>,
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

/// An error on its way out, with a place as soon as somebody knows it.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) message: String,
    pub(crate) at: Option<u32>,
    pub(crate) missing: Option<String>,
}

/// Python's exceptions, as far as something tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    UnknownName,
    Undefined,
    Type,
    Value,
    Lookup,
    Overflow,
    Failed,
    Exhausted,
}

/// Boxed, so that the good case stays small.
pub(crate) type Fallible<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind,
            message: message.into(),
            at: None,
            missing: None,
        })
    }

    /// `TypeError`
    pub(crate) fn wrong_type(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Type, message)
    }

    /// `ValueError`
    pub(crate) fn value(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Value, message)
    }

    /// `KeyError`, `IndexError`
    pub(crate) fn lookup(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Lookup, message)
    }

    /// `OverflowError`
    pub(crate) fn overflow(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Overflow, message)
    }

    /// Any other exception.
    pub(crate) fn failed(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Failed, message)
    }

    pub(crate) fn exhausted(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Exhausted, message)
    }

    /// With a place, if it has none yet.
    #[cold]
    pub(crate) fn at(mut self: Box<Self>, at: u32) -> Box<Self> {
        if self.at.is_none() {
            self.at = Some(at);
        }
        self
    }

    /// As it leaves the crate.
    pub(crate) fn out(self, source: &str) -> Error {
        let (line, column) = match self.at {
            Some(at) => crate::lex::position(source, at as usize),
            None => (1, 1),
        };
        Error {
            kind: match self.kind {
                FaultKind::UnknownName => ErrorKind::UnknownName,
                FaultKind::Undefined => ErrorKind::Undefined,
                FaultKind::Type => ErrorKind::WrongType,
                FaultKind::Exhausted => ErrorKind::Exhausted,
                FaultKind::Value | FaultKind::Lookup | FaultKind::Overflow | FaultKind::Failed => {
                    ErrorKind::Failed
                }
            },
            message: self.message,
            missing: self.missing,
            line,
            column,
        }
    }
}
