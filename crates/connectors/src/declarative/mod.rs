//! Connectors that are data: one YAML file each.

pub mod auth_spec;
pub mod authenticator;
pub mod datetime;
pub mod error_handler;
pub mod node;
pub mod parameters;
pub mod path;
pub mod refs;
pub mod requester;
pub mod template;
