//! `tributary check`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tributary_pipeline::{LineFactory, OptionChange, Step, check_connections, load};
use tributary_runtime::SystemClock;

use crate::args::{Check, Output};
use crate::exit::{Ending, Trouble};
use crate::{Outcome, block_on, terminal};

/// Tries everything that a run needs, and prints what came of it.
pub(crate) fn check(args: &Check, environment: &BTreeMap<String, String>) -> Outcome {
    let plan = load(&args.file, environment).map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    let factory = LineFactory::new(plan, OptionChange::Refuse, Arc::new(SystemClock));
    let steps = block_on(check_connections(&factory))?;
    match args.output {
        Output::Json => terminal::answer(&Value::Array(steps.iter().map(as_json).collect()).to_string())?,
        Output::Text => terminal::answer(&steps.iter().map(as_text).collect::<Vec<_>>().join("\n"))?,
    }
    let is_fine = steps.iter().all(|step| step.outcome.is_ok());
    Ok(if is_fine { Ending::Done } else { Ending::Config })
}

fn as_text(step: &Step) -> String {
    match &step.outcome {
        Ok(said) => format!("ok      {}: {said}", step.what),
        Err(reason) => format!("FAILED  {}: {reason}", step.what),
    }
}

fn as_json(step: &Step) -> Value {
    match &step.outcome {
        Ok(said) => json!({"step": step.what, "ok": true, "said": said}),
        Err(reason) => json!({"step": step.what, "ok": false, "said": reason}),
    }
}
