//! Calls, as the runtime reads them.

use carpus_protocol::{AnyCall, CallProblem, RawCall};
use serde_json::{Value, json};

/// The longest that a byte of text becomes in JSON: `\u0000`.
const ESCAPED_BYTES_MAX: usize = 6;
/// What an answer holds beside the caller's own words.
const ANSWER_BYTES_MAX: usize = 200;

/// One frame as a call. Taken when it is a call that the runtime knows.
pub fn call(frame: &[u8]) -> bool {
    let Ok(raw) = serde_json::from_slice::<zlink::Call<RawCall>>(frame) else { return false };
    let raw = raw.method().clone();
    match AnyCall::try_from(raw.clone()) {
        Ok(call) => {
            assert_eq!(call.method(), raw.method);
            assert_eq!(read(&written(&call)), Ok(call));
            true
        }
        Err(problem) => {
            check_problem(&problem, &raw, frame);
            false
        }
    }
}

fn written(call: &AnyCall) -> Vec<u8> {
    let whole = json!({"method": call.method(), "parameters": call.parameters()});
    serde_json::to_vec(&whole).expect("a call is JSON")
}

fn read(frame: &[u8]) -> Result<AnyCall, CallProblem> {
    serde_json::from_slice::<RawCall>(frame).expect("a written call is a call").try_into()
}

/// A refusal names what is refused, and is not much longer than what it answers.
fn check_problem(problem: &CallProblem, raw: &RawCall, frame: &[u8]) {
    match problem {
        CallProblem::InterfaceNotFound { interface } => {
            let before = raw.method.rsplit_once('.').map_or("", |(interface, _)| interface);
            assert_eq!(interface, before);
        }
        CallProblem::MethodNotFound { method } => assert_eq!(*method, raw.method),
        CallProblem::InvalidParameter { parameter, message } => {
            let given = raw.parameters.as_ref().and_then(Value::as_object);
            let is_given = given.is_some_and(|given| given.contains_key(parameter));
            assert!(is_given || parameter == "parameters" || message == "it is missing", "{problem:?}");
        }
    }
    let answer = serde_json::to_vec(&problem.clone().reply()).expect("an answer is JSON");
    assert!(answer.len() <= frame.len() * ESCAPED_BYTES_MAX + ANSWER_BYTES_MAX, "{problem:?}");
}
