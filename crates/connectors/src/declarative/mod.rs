//! Connectors that are data: one YAML file each.

pub mod auth_spec;
pub mod authenticator;
pub mod datetime;
pub mod decode;
pub mod error_handler;
pub mod extract;
pub mod glob_path;
pub mod incremental;
pub mod manifest;
pub mod node;
pub mod paginator;
pub mod parameters;
pub mod patchbay_keys;
pub mod path;
pub mod platform;
pub mod reading;
pub mod refs;
pub mod requester;
pub mod schema;
pub mod selector;
pub mod spot;
pub mod stream;
pub mod template;
pub mod text;
pub mod transform;
pub mod writes;
