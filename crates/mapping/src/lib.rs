//! Compiles a mapping document into a program, and runs it on records.
//!
//! Pure: no I/O, no waiting, no time of day. The same document and the same record always give the
//! same fields. Applying a program never fails as a whole: what cannot be made is a [`Problem`] that
//! names the field and says what was expected.
//!
//! Start with [`compile`](mod@compile) (document and two schemas in, [`Program`] and diagnostics out),
//! then [`program`], then [`transforms`] (the table of steps). [`inverse`] makes the mapping back, for syncs that go both
//! ways. [`suggest`] proposes rules and stands alone.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

pub mod compile;
pub mod diagnostic;
pub mod inverse;
pub mod program;

pub mod arithmetic;
mod countries;
mod dates;
pub mod expression;
mod fit;
pub mod formats;
mod record;
mod words;

pub mod suggest;
pub mod transforms;

pub use compile::{Compiled, Purpose, compile};
pub use diagnostic::{Diagnostic, Fix, Severity};
pub use program::{FieldTrace, Mapped, Problem, Program};
pub use transforms::reference::refers_to;
