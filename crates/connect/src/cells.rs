//! The columns of a table in the making, by its schema, a cell at a time: fast enough for all that is not an agent event.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder,
    StructBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, FieldRef, SchemaRef};
use tributary_core::{Table, TableBatch, TableId, Timestamp};

use crate::transform::Options;

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Cell<'v> {
    Text(Option<&'v str>),
    Moment(Option<Timestamp>),
    Double(Option<f64>),
    Boolean(Option<bool>),
    Texts(Option<&'v [String]>),
    Fields(Option<&'v [Field<'v>]>),
    Map(Option<&'v [Entry<'v>]>),
}

/// A key and its value.
pub(crate) type Entry<'v> = (&'v str, Option<Cow<'v, str>>);

/// A field of a template, with its value in one of four members.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Field<'v> {
    pub(crate) id: &'v str,
    pub(crate) name: Option<&'v str>,
    pub(crate) text: Option<&'v str>,
    pub(crate) number: Option<f64>,
    pub(crate) boolean: Option<bool>,
    /// Milliseconds since 1970.
    pub(crate) millis: Option<i64>,
}

/// The rows of a table.
#[derive(Debug)]
pub(crate) struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// Which event each row belongs to.
    owners: Vec<u32>,
}

#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Moment(TimestampMicrosecondBuilder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Texts(ListBuilder<StringBuilder>),
    Fields(ListBuilder<StructBuilder>),
    Map(Box<MapBuilder<StringBuilder, StringBuilder>>),
}

impl Columns {
    /// No rows yet.
    pub(crate) fn new(table: &Table) -> Self {
        let columns = table.schema.fields().iter().map(|field| Column::of(field.data_type())).collect();
        Self { schema: Arc::clone(&table.schema), columns, owners: Vec::new() }
    }

    /// Appends a row of the event `owner`, in the order of the schema.
    pub(crate) fn push(&mut self, owner: u32, cells: &[Cell<'_>]) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a row has a cell for each column");
        self.owners.push(owner);
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
    }

    /// The rows, and the owner of each; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<(RecordBatch, Vec<u32>), ArrowError> {
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        Ok((RecordBatch::try_new(Arc::clone(&self.schema), columns)?, std::mem::take(&mut self.owners)))
    }
}

/// A table in the making, if it is asked for.
#[derive(Debug)]
pub(crate) struct WantedTable(Option<(TableId, Columns)>);

impl WantedTable {
    /// No rows yet.
    pub(crate) fn new(table: &Table, options: &Options) -> Self {
        let is_wanted = options.tables.contains(&table.id);
        Self(is_wanted.then(|| (table.id.clone(), Columns::new(table))))
    }

    /// Whether there will be rows.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Its columns, if it is asked for.
    pub(crate) fn columns(&mut self) -> Option<&mut Columns> {
        self.0.as_mut().map(|(_, columns)| columns)
    }

    /// The rows with their owners, if there are any; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<Option<(TableBatch, Vec<u32>)>, ArrowError> {
        let Some((table, columns)) = &mut self.0 else { return Ok(None) };
        let (rows, owners) = columns.finish()?;
        Ok((rows.num_rows() > 0).then(|| (TableBatch { table: table.clone(), rows, dictionaries: None }, owners)))
    }
}

impl Column {
    fn of(kind: &DataType) -> Self {
        match kind {
            DataType::Timestamp(..) => Self::Moment(TimestampMicrosecondBuilder::new()),
            DataType::Float64 => Self::Double(Float64Builder::new()),
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::List(element) => match element.data_type() {
                DataType::Struct(members) => {
                    let builder = |member: &FieldRef| -> Box<dyn ArrayBuilder> {
                        match member.data_type() {
                            DataType::Float64 => Box::new(Float64Builder::new()),
                            DataType::Boolean => Box::new(BooleanBuilder::new()),
                            DataType::Int64 => Box::new(Int64Builder::new()),
                            _ => Box::new(StringBuilder::new()),
                        }
                    };
                    let structs = StructBuilder::new(members.clone(), members.iter().map(builder).collect());
                    Self::Fields(ListBuilder::new(structs).with_field(Arc::clone(element)))
                }
                _ => Self::Texts(ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(element))),
            },
            DataType::Map(entry, _) => Self::Map(Box::new(map_builder(entry))),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// A cell of another kind than the column is null: the rows of each table are compared with what is expected by tests.
    fn push(&mut self, cell: &Cell<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_option(*text),
            (Self::Moment(builder), Cell::Moment(moment)) => builder.append_option(moment.map(Timestamp::micros)),
            (Self::Double(builder), Cell::Double(number)) => builder.append_option(*number),
            (Self::Boolean(builder), Cell::Boolean(value)) => builder.append_option(*value),
            (Self::Texts(builder), Cell::Texts(texts)) => {
                texts.iter().flat_map(|texts| texts.iter()).for_each(|text| builder.values().append_value(text));
                builder.append(texts.is_some());
            }
            (Self::Fields(builder), Cell::Fields(fields)) => {
                fields.iter().flat_map(|fields| fields.iter()).for_each(|field| append(builder.values(), field));
                builder.append(fields.is_some());
            }
            (Self::Map(builder), Cell::Map(entries)) => append_map(builder, *entries),
            (column, cell) => {
                debug_assert!(false, "{cell:?} is no value of {column:?}");
                column.push_null();
            }
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Moment(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Texts(builder) => builder.append(false),
            Self::Fields(builder) => builder.append(false),
            Self::Map(builder) => append_map(builder, None),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Moment(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
            Self::Fields(builder) => Arc::new(builder.finish()),
            Self::Map(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A builder of the map whose entries are so.
fn map_builder(entry: &FieldRef) -> MapBuilder<StringBuilder, StringBuilder> {
    let names = MapFieldNames { entry: entry.name().clone(), key: "key".to_owned(), value: "value".to_owned() };
    let builder = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    match entry.data_type() {
        DataType::Struct(members) if members.len() == 2 => {
            builder.with_keys_field(Arc::clone(&members[0])).with_values_field(Arc::clone(&members[1]))
        }
        _ => builder,
    }
}

fn append_map(builder: &mut MapBuilder<StringBuilder, StringBuilder>, entries: Option<&[Entry<'_>]>) {
    for (key, value) in entries.unwrap_or_default() {
        builder.keys().append_value(key);
        builder.values().append_option(value.as_deref());
    }
    // As many keys as values.
    builder.append(entries.is_some()).unwrap_or_default();
}

/// Appends a field: id, name, text, number, boolean, moment, as the schema has them.
fn append(structs: &mut StructBuilder, field: &Field<'_>) {
    for (place, text) in [Some(field.id), field.name, field.text].into_iter().enumerate() {
        if let Some(builder) = structs.field_builder::<StringBuilder>(place) {
            builder.append_option(text);
        }
    }
    if let Some(builder) = structs.field_builder::<Float64Builder>(3) {
        builder.append_option(field.number);
    }
    if let Some(builder) = structs.field_builder::<BooleanBuilder>(4) {
        builder.append_option(field.boolean);
    }
    if let Some(builder) = structs.field_builder::<Int64Builder>(5) {
        builder.append_option(field.millis);
    }
    structs.append(true);
}
