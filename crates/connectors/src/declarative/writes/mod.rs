//! The writing side of a connector file.
//!
//! [`spec`] reads it, [`perform`] carries changes out, [`outcome`] makes sense of what comes back,
//! [`find`] looks records up.

pub mod find;
pub mod outcome;
pub mod perform;
pub mod spec;
