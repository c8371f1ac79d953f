//! The one template language of the product: Jinja2 with the semantics of Python.
//!
//! Connector files are written for a Python runtime, and what they say only means something there: `'%s' % x`,
//! `now_utc() - duration('P1D')`, `headers.update(…)`, a rendered text that is read again as a Python literal.
//! So this is an interpreter of that language over [`model::value::Value`], not a template engine that comes near.
//! Mappings use the same language in its [strict](Template::compile_strict) form.
//!
//! - [`Template`]: a text, compiled once; cheap to clone, usable from any thread.
//! - [`Scope`]: names and what stands behind them, borrowed. Nothing is copied before it is needed.
//! - [`Env`]: the clock, the source of unique ids, and the limits.
//!
//! Four ways to evaluate: [`Template::render`] gives text; [`Template::eval`] reads that text as a Python literal, as
//! connector files expect; [`Template::is_true`] decides a condition; [`Template::value`] keeps the value as it is.
//!
//! It does no I/O, and a template cannot do any. Every evaluation ends: steps, text and nesting have limits.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::print_stdout,
        reason = "tests may fail loudly"
    )
)]

mod checks;
mod dates;
mod env;
mod error;
mod filters;
mod format;
mod functions;
mod lex;
mod literal;
mod methods;
mod outcome;
mod parse;
mod reads;
mod run;
mod scope;
mod template;
mod text;
mod tree;
mod value;

pub use env::Env;
pub use error::{Error, ErrorKind, TemplateError};
pub use reads::Reads;
pub use scope::{Input, Members, Scope};
pub use template::{Literals, Otherwise, Template};
