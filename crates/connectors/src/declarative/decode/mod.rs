//! What an answer says: its bytes, taken apart into records while they come in.

pub mod json;

/// An answer that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It should be JSON and is not.
    #[error("the answer is not JSON at byte {at}: expected {expected}")]
    NotJson {
        /// Offset in the decompressed answer.
        at: usize,
        /// What would have been right.
        expected: &'static str,
    },
    /// It is beyond a bound.
    #[error("{what} has more than {} MiB", limit / (1024 * 1024))]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The bound, in bytes.
        limit: usize,
    },
    /// It is in another format than the connector file says.
    #[error("the answer is not {format}: {problem}")]
    Malformed {
        /// CSV, XML…
        format: &'static str,
        /// What is wrong, and where.
        problem: String,
    },
}
