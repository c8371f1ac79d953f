//! Connectors that are data: one YAML file each.

pub mod auth_spec;
