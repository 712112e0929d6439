//! The order of the rows of a row group.

use std::cmp::Ordering;

use arrow::row::{RowConverter, Rows, SortField};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use crate::dictionary::Dictionary;
use crate::gather::{Gathered, Group};
use crate::plan::Plan;

/// One column of the sort key, for all rows.
enum Key {
    /// Numbers in the order of the values; 0 is null.
    Ranks(Vec<u32>),
    /// Timestamps without nulls.
    Moments(ArrayRef),
    /// Strings without nulls.
    Texts(ArrayRef),
    /// Anything, in arrow's comparable form, ascending with nulls first.
    Rows(Rows),
}

/// A row with the beginning of its key beside it: most comparisons look no further.
struct Row {
    lead: u128,
    row: u32,
}

/// The order in which the rows are to be written, where it is not the order in which they arrived. Stable.
pub(crate) fn order(plan: &Plan, group: &Group) -> Result<Option<Vec<u32>>, ArrowError> {
    let mut keys = Vec::with_capacity(plan.sort.len());
    for column in &plan.sort {
        keys.push(Key::new(group.column(plan, *column)?)?);
    }
    // Two numbers have room in a lead.
    let (lead, rest) = keys.split_at(keys.iter().take_while(|key| key.is_number()).take(2).count());
    let row = |row: u32| Row { lead: lead.iter().fold(0, |lead, key| lead << 64 | key.number(row as usize)), row };
    let compare = |left: &Row, right: &Row| {
        let rest = || {
            let (left, right) = (left.row as usize, right.row as usize);
            rest.iter().map(|key| key.compare(left, right)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        left.lead.cmp(&right.lead).then_with(rest).then(left.row.cmp(&right.row))
    };
    let mut rows: Vec<Row> = (0..group.rows() as u32).map(row).collect(); // a row group has far fewer than 2^32 rows
    if rows.is_sorted_by(|left, right| compare(left, right).is_le()) {
        return Ok(None);
    }
    rows.sort_unstable_by(compare);
    Ok(Some(rows.into_iter().map(|row| row.row).collect()))
}

impl Key {
    fn new(column: Gathered) -> Result<Self, ArrowError> {
        let array = match column {
            Gathered::Codes(keys, dictionary) => return Ok(Self::Ranks(ranks(keys, &dictionary))),
            Gathered::Array(array) => array,
        };
        match array.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, None) if array.null_count() == 0 => Ok(Self::Moments(array)),
            DataType::Utf8 if array.null_count() == 0 => Ok(Self::Texts(array)),
            kind => {
                let converter = RowConverter::new(vec![SortField::new(kind.clone())])?;
                Ok(Self::Rows(converter.convert_columns(&[array])?))
            }
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Ranks(_) | Self::Moments(_))
    }

    /// A number of 64 bits whose order is that of the rows; 0 where there is none.
    fn number(&self, row: usize) -> u128 {
        match self {
            Self::Ranks(ranks) => u128::from(ranks[row]),
            Self::Moments(array) => {
                // From signed to unsigned, in the same order.
                u128::from(array.as_primitive::<TimestampMicrosecondType>().value(row).cast_unsigned() ^ 1 << 63)
            }
            Self::Texts(_) | Self::Rows(_) => 0,
        }
    }

    fn compare(&self, left: usize, right: usize) -> Ordering {
        match self {
            Self::Ranks(_) | Self::Moments(_) => self.number(left).cmp(&self.number(right)),
            Self::Texts(array) => {
                let strings = array.as_string::<i32>();
                strings.value(left).cmp(strings.value(right))
            }
            Self::Rows(rows) => rows.row(left).cmp(&rows.row(right)),
        }
    }
}

/// Keys of a dictionary by the order of their strings.
fn ranks(keys: Vec<u32>, dictionary: &Dictionary) -> Vec<u32> {
    let mut sorted: Vec<u32> = (0..dictionary.len() as u32).collect();
    sorted.sort_by(|left, right| dictionary.get(*left).cmp(dictionary.get(*right)));
    let mut rank = vec![0; dictionary.len() + 1];
    for (at, key) in sorted.iter().enumerate() {
        rank[*key as usize + 1] = at as u32 + 1;
    }
    keys.into_iter().map(|key| rank[key as usize]).collect()
}
