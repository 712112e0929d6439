//! The table that is printed.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};

use anyhow::Result;

use super::contender::Contender;
use super::input::Input;
use super::measure::Sample;

/// The contender whose rate nobody can exceed who reads the same way.
const LIMIT: &str = "discard";

/// Prints the table of one input: the median of each figure over the rounds, and the range of the first.
pub(crate) fn print(input: &Input, contenders: &[Contender], samples: &[Vec<Sample>]) -> Result<()> {
    stdout().lock().write_all(table(input, contenders, samples)?.as_bytes())?;
    Ok(())
}

fn table(input: &Input, contenders: &[Contender], samples: &[Vec<Sample>]) -> Result<String> {
    let gigabytes = input.gigabytes();
    let user = |samples: &[Sample]| median(samples.iter().map(|sample| sample.user / gigabytes));
    let of = |name: &str| {
        let at = contenders.iter().position(|contender| contender.name == name)?;
        Some(user(&samples[at]))
    };
    let (floor, duckdb) = (of("simd-json"), of("duckdb"));
    let wall = |samples: &[Sample]| median(samples.iter().map(|sample| sample.wall / gigabytes));
    let limit = contenders.iter().position(|contender| contender.name == LIMIT).map(|at| wall(&samples[at]));

    let mut text = String::new();
    let rounds = samples.first().map_or(0, Vec::len);
    writeln!(text, "\n{}: {gigabytes:.3} GB; median of {rounds} interleaved rounds", input.name)?;
    writeln!(
        text,
        "{:<18}{:>10}{:>16}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}  what",
        "", "user s/GB", "min..max", "x simd-json", "x duckdb", "sys s/GB", "wall s/GB", "MB/s", "of limit", "peak MiB"
    )?;
    for (contender, samples) in contenders.iter().zip(samples) {
        let users: Vec<f64> = samples.iter().map(|sample| sample.user / gigabytes).collect();
        let low = users.iter().copied().fold(f64::INFINITY, f64::min);
        let high = users.iter().copied().fold(0.0, f64::max);
        writeln!(
            text,
            "{:<18}{:>10.2}{:>16}{:>12}{:>10}{:>10.2}{:>10.2}{:>10.0}{:>10}{:>10.0}  {}",
            contender.name,
            user(samples),
            format!("{low:.2}..{high:.2}"),
            ratio(user(samples), floor),
            ratio(user(samples), duckdb),
            median(samples.iter().map(|sample| sample.system / gigabytes)),
            wall(samples),
            1e3 / wall(samples),
            share(wall(samples), limit),
            median(samples.iter().map(|sample| sample.peak as f64 / f64::from(1 << 20))),
            contender.does,
        )?;
    }
    Ok(text)
}

fn ratio(value: f64, base: Option<f64>) -> String {
    base.filter(|base| *base > 0.0).map_or_else(|| "-".to_owned(), |base| format!("{:.2}", value / base))
}

/// The rate as a share of the limit's, which takes `limit` seconds on the wall for what takes this one `wall`.
fn share(wall: f64, limit: Option<f64>) -> String {
    limit.filter(|_| wall > 0.0).map_or_else(|| "-".to_owned(), |limit| format!("{:.0} %", limit / wall * 100.0))
}

/// The middle value; of an even number, the mean of the two in the middle. Zero of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who takes twice as long as the limit has half its rate.
    #[test]
    fn a_share_is_one_of_rates() {
        assert_eq!([share(4.0, Some(2.0)), share(4.0, None)], ["50 %", "-"]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
