//! `tributary validate`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary_pipeline::{Error, load};

use crate::args::{Output, Validate};
use crate::exit::Ending;
use crate::{Outcome, terminal};

/// Checks each file and prints every mistake of all of them.
pub(crate) fn validate(args: &Validate, environment: &BTreeMap<String, String>) -> Outcome {
    let mut is_valid = true;
    let mut answers: Vec<Value> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for file in &args.files {
        let name = file.display();
        match load(file, environment) {
            Ok(plan) => {
                lines.push(format!("{name}: fine (pipeline {})", plan.pipeline));
                answers.push(json!({"file": name.to_string(), "problems": []}));
            }
            Err(error) => {
                is_valid = false;
                let problems = match &error {
                    Error::Invalid { problems } => {
                        lines.extend(problems.iter().map(ToString::to_string));
                        problems.iter().map(|problem| json!(problem)).collect()
                    }
                    other => {
                        let cause = std::error::Error::source(other).map(|cause| format!(": {cause}"));
                        let text = format!("{other}{}", cause.unwrap_or_default());
                        lines.push(format!("error: {text}"));
                        vec![json!({"message": text})]
                    }
                };
                answers.push(json!({"file": name.to_string(), "problems": problems}));
            }
        }
    }
    match args.output {
        Output::Json => terminal::answer(&Value::Array(answers).to_string())?,
        Output::Text => terminal::answer(&lines.join("\n"))?,
    }
    Ok(if is_valid { Ending::Done } else { Ending::Config })
}
