//! placeholder
use crate::arguments::Demo;
use crate::failure::{End, Failure};
use crate::output::Output;
pub(crate) async fn demo(_: Demo, _: &Output) -> Result<End, Failure> {
    Ok(End::Failed)
}
