//! Rows that wait, in compact form.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take;

use crate::coded_lists::Typed;
use crate::dictionary::{Generation, Interner};
use crate::gauge::{Charge, Gauge};
use crate::incoming::{Books, Coded, Incoming};
use crate::trial::Trial;

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
    /// Strings or lists that repeat.
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

    /// The codes of the rows.
    fn codes(self, is_all_null: bool, mut code: impl FnMut(usize) -> u32) -> Codes {
        if is_all_null {
            return Codes::Narrow(vec![0; self.len()].into_boxed_slice());
        }
        Codes::new(match self {
            Self::Range(from, rows) => (from..from + rows).map(code).collect(),
            Self::Rows(rows) => rows.iter().map(|row| code(*row as usize)).collect(),
        })
    }
}

/// Turns rows into chunks; owns what finds a string in the growing generation.
#[derive(Debug)]
pub(crate) struct Compactor {
    /// By unit; one that is not coded never grows.
    interners: Vec<Interner>,
    /// By unit: what was looked up of the dictionaries that came.
    pub(crate) books: Vec<Books>,
    /// By unit, from one generation to the next.
    trials: Vec<Trial>,
    /// The number of the dictionaries of the batch that is taken in, if they grow.
    pub(crate) dictionaries: Option<(u32, u32)>,
    /// By unit that is the first of a column: the fields of its lists.
    pub(crate) typed: Vec<Typed>,
}

impl Compactor {
    /// One for the first generation.
    pub(crate) fn new(units: usize) -> Self {
        Self {
            interners: std::iter::repeat_with(Interner::default).take(units).collect(),
            books: std::iter::repeat_with(Books::default).take(units).collect(),
            trials: vec![Trial::default(); units],
            dictionaries: None,
            typed: std::iter::repeat_with(Typed::default).take(units).collect(),
        }
    }

    /// Forgets the strings of the generation before, but not which columns were coded in vain.
    pub(crate) fn begin_generation(&mut self) {
        self.interners.fill_with(Interner::default);
        self.books.iter_mut().for_each(Books::clear);
        self.trials.iter_mut().for_each(Trial::begin_generation);
    }

    /// Bytes of memory of what finds the strings.
    pub(crate) fn memory(&self) -> u64 {
        let interners: u64 = self.interners.iter().map(Interner::memory).sum();
        interners + self.books.iter().map(Books::memory).sum::<u64>()
    }

    /// After a batch: what was looked up stays known.
    pub(crate) fn close(&mut self, columns: Vec<Incoming<'_>>) {
        for (books, column) in self.books.iter_mut().zip(columns) {
            if let Incoming::Coded(coded) = column {
                coded.close(books, self.dictionaries);
            }
        }
    }

    /// Whether the values of a unit turned out not to repeat.
    pub(crate) fn is_in_vain(&self, unit: usize) -> bool {
        self.trials[unit].is_in_vain()
    }

    /// Counts values of a unit that were left as they came.
    pub(crate) fn pass(&mut self, unit: usize, values: usize) {
        self.trials[unit].pass(values);
    }

    /// The codes of a unit's values, 0 for null.
    pub(crate) fn codes(
        &mut self,
        unit: usize,
        coded: &mut Coded<'_>,
        values: usize,
        generation: &mut Generation,
    ) -> Vec<u32> {
        let (interner, dictionary) = (&mut self.interners[unit], &mut generation.units[unit]);
        let codes = coded.codes(0..values, interner, dictionary);
        self.trials[unit].judge(values, dictionary);
        codes
    }

    /// Makes a chunk of some rows of a batch; new strings and lists go into `generation`.
    pub(crate) fn compact(
        &mut self,
        batch: &mut [Incoming<'_>],
        pick: Pick<'_>,
        generation: (u32, &mut Generation),
        gauge: &Gauge,
    ) -> Result<Chunk, ArrowError> {
        let (number, generation) = generation;
        let mut columns = Vec::with_capacity(batch.len());
        for (at, incoming) in batch.iter_mut().enumerate() {
            let trial = &mut self.trials[at];
            let (interner, dictionary) = (&mut self.interners[at], &mut generation.units[at]);
            columns.push(match incoming {
                Incoming::Plain(array) => Column::Plain(plain(array, pick)?),
                Incoming::Text(strings) => {
                    let code = |row: usize| match strings.is_null(row) {
                        true => 0,
                        false => interner.intern(dictionary, strings.value(row).as_bytes()) + 1,
                    };
                    Column::Codes(pick.codes(strings.null_count() == strings.len(), code))
                }
                Incoming::Lists(lists, bytes) => {
                    let code = |row: usize| {
                        if lists.is_null(row) {
                            return 0;
                        }
                        bytes.clear();
                        lists.value(row, bytes);
                        interner.intern(dictionary, bytes) + 1
                    };
                    Column::Codes(pick.codes(false, code))
                }
                Incoming::Coded(coded) => Column::Codes(match pick {
                    Pick::Range(from, rows) if !coded.is_all_null() => {
                        Codes::new(coded.codes(from..from + rows, interner, dictionary))
                    }
                    _ => pick.codes(coded.is_all_null(), |row| coded.code(row, interner, dictionary)),
                }),
            });
            match incoming {
                Incoming::Plain(_) => trial.pass(pick.len()),
                _ => trial.judge(pick.len(), dictionary),
            }
        }
        Ok(Chunk::new(columns, number, pick.len(), gauge))
    }
}

fn plain(array: &ArrayRef, pick: Pick<'_>) -> Result<ArrayRef, ArrowError> {
    match pick {
        Pick::Range(from, rows) => whole_or_copy(array, from, rows),
        Pick::Rows(rows) => take(array, &UInt32Array::from(rows.to_vec()), None),
    }
}

/// The array itself, or a copy of a part of it: a slice would keep the whole alive and be counted as the whole.
pub(crate) fn whole_or_copy(array: &ArrayRef, from: usize, rows: usize) -> Result<ArrayRef, ArrowError> {
    if from == 0 && rows == array.len() {
        return Ok(Arc::clone(array));
    }
    let rows: UInt32Array = (from as u32..(from + rows) as u32).collect();
    take(array, &rows, None)
}
