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
    /// Anything, in arrow's comparable form, ascending with nulls first.
    Rows(Rows),
}

/// The order in which the rows are to be written, where it is not the order in which they arrived. Stable.
pub(crate) fn order(plan: &Plan, group: &Group) -> Result<Option<Vec<u32>>, ArrowError> {
    let mut keys = Vec::with_capacity(plan.sort.len());
    for column in &plan.sort {
        keys.push(Key::new(group.column(plan, *column)?)?);
    }
    let compare = |left: &u32, right: &u32| {
        let (left, right) = (*left as usize, *right as usize);
        keys.iter().map(|key| key.compare(left, right)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<u32> = (0..group.rows() as u32).collect(); // a row group has far fewer than 2^32 rows
    if order.is_sorted_by(|left, right| compare(left, right).is_le()) {
        return Ok(None);
    }
    order.sort_by(compare);
    Ok(Some(order))
}

impl Key {
    fn new(column: Gathered) -> Result<Self, ArrowError> {
        let array = match column {
            Gathered::Codes(keys, dictionary) => return Ok(Self::Ranks(ranks(keys, &dictionary))),
            Gathered::Array(array) => array,
        };
        if *array.data_type() == DataType::Timestamp(TimeUnit::Microsecond, None) && array.null_count() == 0 {
            return Ok(Self::Moments(array));
        }
        let converter = RowConverter::new(vec![SortField::new(array.data_type().clone())])?;
        Ok(Self::Rows(converter.convert_columns(&[array])?))
    }

    #[inline]
    fn compare(&self, left: usize, right: usize) -> Ordering {
        match self {
            Self::Ranks(ranks) => ranks[left].cmp(&ranks[right]),
            Self::Moments(array) => {
                let moments = array.as_primitive::<TimestampMicrosecondType>().values();
                moments[left].cmp(&moments[right])
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
