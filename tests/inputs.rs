//! Inputs: simulated events, and the ways to wrap them.

use std::io::Write;

use crate::lab::{output_of, tributary};

/// Simulated events, one a line.
pub(crate) fn events(arguments: &str) -> String {
    let output = output_of(tributary().arg("simulate").args(arguments.split_whitespace()));
    String::from_utf8(output).unwrap()
}

/// The size of tests that can be run larger by hand: `TRIBUTARY_TEST_SCALE`, 1 in CI.
pub(crate) fn scale() -> u64 {
    let scale = std::env::var_os("TRIBUTARY_TEST_SCALE");
    scale.map_or(1, |text| text.to_str().and_then(|text| text.parse().ok()).expect("TRIBUTARY_TEST_SCALE is a number"))
}

/// A gzip archive of one member for each of `parts`, made by Python so that no code of ours is checked by itself.
pub(crate) fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    parts
        .iter()
        .flat_map(|part| {
            python("import gzip,sys;sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read()))", part)
        })
        .collect()
}

/// A Kinesis event as a Lambda function gets it, one record a line of `lines`.
pub(crate) fn kinesis(lines: &str) -> Vec<u8> {
    let script = "import base64,json,sys\n\
        records=[{'kinesis':{'partitionKey':'k','sequenceNumber':str(i),'data':base64.b64encode(line).decode()}}\n\
          for i,line in enumerate(sys.stdin.buffer.read().splitlines())]\n\
        json.dump({'Records':records},sys.stdout,indent=2)";
    python(script, lines.as_bytes())
}

/// What a line of Python makes of `input`.
pub(crate) fn python(script: &str, input: &[u8]) -> Vec<u8> {
    let mut command = std::process::Command::new("python3");
    command.args(["-c", script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("python3 is needed by the tests");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}
