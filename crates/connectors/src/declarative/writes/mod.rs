//! Writing by `patchbay.writes`: what a file offers, how changes are sent, what answers say.

pub mod answers;
pub mod batch;
pub mod bulk;
pub mod fields;
pub mod find;
pub mod graphql;
pub mod many;
pub mod outcome;
pub mod perform;
pub mod policy;
pub mod rows;
pub mod spec;
pub mod trouble;
