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
//!
//! # What differs from the reference, on purpose
//!
//! - `stream_state` in a template is an error when it is evaluated, as there; a filter, test or bracket that does not
//!   exist is an error when it is compiled.
//! - A name that is only set within an `if` may be used, there and behind it; the reference refuses the whole template.
//! - A template changes its inputs for the time of one evaluation; there, the next one still sees it.
//! - What would take forever or all memory is an error: large powers and repetitions, endless recursion, patterns that
//!   backtrack without end, a list that grows while a loop runs over it.
//! - Whole numbers have at most some ten thousand digits, and a result with more than 400 is text; powers of negative
//!   numbers to fractions are an error instead of a complex number; `...` as a literal is text.
//! - `lipsum`, `include`, `import`, `extends` and the `debug` tag are not offered: a template stands alone.
//! - Functions, methods and generators print as `<function now_utc>`, without an address.
//! - `strftime('%s')` takes the system's zone for UTC.
//! - Of a set, the order of its members is kept; tuples and sets are lists in the result.
//!
//! Start reading at [`Template`], then `run` (the machine), `value` (what it works on), and the libraries beside them:
//! `filters`, `checks`, `functions`, `methods`, `format`, `dates`.
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
mod path;
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
pub use value::print::python_repr;
