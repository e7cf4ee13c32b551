//! `carpus crown`: press the crown.

use carpus_protocol::wrist::Crown;

use crate::connection::Runtime;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    runtime.call(Crown {}).await?;
    output.done("the crown is pressed")
}
