//! placeholder
use super::node::View;
use crate::Result;
use model::row::Row;
use template::{Env, Scope};

/// A change to records.
#[derive(Clone, Debug)]
pub struct Transformation;

impl Transformation {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Err(view.unknown_component(&[]))
    }

    /// Applies it.
    pub fn apply(&self, _row: &mut Row, _scope: &Scope<'_>, _env: &Env) -> Result<()> {
        Ok(())
    }
}
