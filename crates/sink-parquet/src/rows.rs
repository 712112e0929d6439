//! Rows that wait, in compact form.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow_select::take::take;

use crate::SinkError;
use crate::dictionary::{Dictionary, Generation, Interner};
use crate::gauge::{Charge, Gauge};
use crate::plan::Plan;

/// The values of a coded column: 0 is null, else a code of the column's dictionary plus one.
#[derive(Debug)]
pub(crate) enum Codes {
    /// All of them fit 16 bits: the usual case.
    Narrow(Box<[u16]>),
    /// Some do not.
    Wide(Box<[u32]>),
}

impl Codes {
    pub(crate) fn new(codes: Vec<u32>) -> Self {
        match codes.iter().max() {
            Some(highest) if *highest > u32::from(u16::MAX) => Self::Wide(codes.into_boxed_slice()),
            _ => Self::Narrow(codes.iter().map(|code| *code as u16).collect()), // checked just above
        }
    }

    /// The value of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> u32 {
        match self {
            Self::Narrow(codes) => u32::from(codes[row]),
            Self::Wide(codes) => codes[row],
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Narrow(codes) => size_of_val(&**codes),
            Self::Wide(codes) => size_of_val(&**codes),
        }
    }
}

/// One column of a chunk.
#[derive(Debug)]
pub(crate) enum Column {
    /// Strings that repeat.
    Codes(Codes),
    /// Everything else, as it came.
    Plain(ArrayRef),
}

/// Rows of one table with what they mean; of one day, or of several days with few rows each.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) columns: Vec<Column>,
    /// Which of the table's generations the codes belong to.
    pub(crate) generation: u32,
    rows: usize,
    charge: Charge,
}

impl Chunk {
    /// A chunk, counted on `gauge` as long as it lives.
    pub(crate) fn new(columns: Vec<Column>, generation: u32, rows: usize, gauge: &Gauge) -> Self {
        let size = |column: &Column| match column {
            Column::Codes(codes) => codes.memory(),
            Column::Plain(array) => array.get_array_memory_size(),
        };
        let own = size_of::<Self>() + columns.capacity() * size_of::<Column>();
        let bytes = own + columns.iter().map(size).sum::<usize>();
        Self { columns, generation, rows, charge: gauge.charge(bytes as u64) }
    }

    /// What `rows` of its rows account for of its memory, in bytes.
    pub(crate) fn share(&self, rows: usize) -> u64 {
        self.charge.bytes() * rows as u64 / self.rows.max(1) as u64
    }
}

/// Neighbouring rows of a chunk, all of one day.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) from: usize,
    pub(crate) rows: usize,
}

/// Rows of a batch.
#[derive(Clone, Copy)]
pub(crate) enum Pick<'a> {
    /// Neighbours.
    Range(usize, usize),
    /// These, in this order.
    Rows(&'a [u32]),
}

impl Pick<'_> {
    /// How many rows.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Range(_, rows) => rows,
            Self::Rows(rows) => rows.len(),
        }
    }
}

/// Turns rows into chunks; owns what finds a string in the growing generation.
#[derive(Debug)]
pub(crate) struct Compactor {
    /// By column; one that is not coded never grows.
    interners: Vec<Interner>,
    /// Coded columns whose strings turned out not to repeat, until the generation ends.
    in_vain: Vec<bool>,
}

impl Compactor {
    /// One for a new generation.
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            interners: std::iter::repeat_with(Interner::default).take(columns).collect(),
            in_vain: vec![false; columns],
        }
    }

    /// What finds the strings, for counting.
    pub(crate) fn interners(&self) -> &[Interner] {
        &self.interners
    }

    /// Makes a chunk; new strings go into `generation`.
    pub(crate) fn compact(
        &mut self,
        plan: &Plan,
        batch: &RecordBatch,
        pick: Pick<'_>,
        generation: (u32, &mut Generation),
        gauge: &Gauge,
    ) -> Result<Chunk, SinkError> {
        let (number, generation) = generation;
        let indices = match pick {
            Pick::Range(..) => None,
            Pick::Rows(rows) => Some(UInt32Array::from(rows.to_vec())),
        };
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (at, array) in batch.columns().iter().enumerate() {
            if plan.coded[at] && !self.in_vain[at] {
                let (interner, dictionary) = (&mut self.interners[at], &mut generation.columns[at]);
                columns.push(Column::Codes(codes(array.as_string(), pick, interner, dictionary)));
                self.in_vain[at] = interner.is_in_vain(dictionary);
                continue;
            }
            columns.push(Column::Plain(match (pick, &indices) {
                (Pick::Range(from, rows), None) => {
                    whole_or_copy(array, from, rows).map_err(|cause| plan.arrange(cause))?
                }
                (_, Some(indices)) => take(array, indices, None).map_err(|cause| plan.arrange(cause))?,
                (Pick::Rows(_), None) => return Err(plan.shape("rows without their indices")),
            }));
        }
        Ok(Chunk::new(columns, number, pick.len(), gauge))
    }
}

/// The array itself, or a copy of a part of it: a slice would keep the whole alive and be counted as the whole.
fn whole_or_copy(array: &ArrayRef, from: usize, rows: usize) -> Result<ArrayRef, arrow_schema::ArrowError> {
    if from == 0 && rows == array.len() {
        return Ok(Arc::clone(array));
    }
    let rows: UInt32Array = (from as u32..(from + rows) as u32).collect();
    take(array, &rows, None)
}

fn codes(strings: &StringArray, pick: Pick<'_>, interner: &mut Interner, dictionary: &mut Dictionary) -> Codes {
    if strings.null_count() == strings.len() {
        return Codes::Narrow(vec![0; pick.len()].into_boxed_slice());
    }
    let mut code = |row: usize| match strings.is_null(row) {
        true => 0,
        false => interner.intern(dictionary, strings.value(row).as_bytes()) + 1,
    };
    Codes::new(match pick {
        Pick::Range(from, rows) => (from..from + rows).map(&mut code).collect(),
        Pick::Rows(rows) => rows.iter().map(|row| code(*row as usize)).collect(),
    })
}
