//! What each command does, by noun.

pub(crate) mod call;
pub(crate) mod conflicts;
pub(crate) mod connect;
pub(crate) mod connector;
pub(crate) mod lists;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod sandbox;
