//! Formatting of values into text: `'%05.2f' % x`, `'{:>8}'.format(x)`.

pub(crate) mod brace;
pub(crate) mod percent;
pub(crate) mod spec;
