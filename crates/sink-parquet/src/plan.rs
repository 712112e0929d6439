//! What is known of a table before its first row: its Parquet schema, its writer's properties, its columns' roles.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};
use tributary_core::{Attempt, Partition, PipelineId, Table, TableId};

use crate::lists::Node;
use crate::{Options, SinkError};

/// ARNs of one instance share their first 90 or so bytes and have 120 to 135: parquet's 64 would make their minimum
/// and maximum equal, and nothing could be pruned by agent.
pub(crate) const STATISTICS_BYTES: usize = 160;

/// Rows of a data page: parquet's own default, which our dictionary pages follow.
pub(crate) const PAGE_ROWS: usize = 20_000;

/// How the waiting values of a column are kept.
#[derive(Debug)]
pub(crate) enum Coding {
    /// As they came.
    Plain,
    /// As codes of strings.
    Text,
    /// As codes of lists where they come as such, else as lists of codes of strings where they come as those.
    Lists(Node),
}

impl Coding {
    /// How many leaves have dictionaries of their own.
    fn leaves(&self) -> usize {
        match self {
            Self::Plain | Self::Text => 0,
            Self::Lists(node) => node.leaves,
        }
    }
}

/// A table, ready to be written.
///
/// What can have a dictionary is a *unit*: each column is one, and after the columns each leaf of each column of lists.
pub(crate) struct Plan {
    pub(crate) table: TableId,
    pub(crate) schema: SchemaRef,
    /// The column that says the partition.
    pub(crate) partition: usize,
    /// How it does.
    pub(crate) by: Partition,
    /// The columns of the sort key.
    pub(crate) sort: Vec<usize>,
    /// For each column: how its waiting values are kept.
    pub(crate) coding: Vec<Coding>,
    /// For each column: the unit of its first leaf, if it has such.
    pub(crate) units: Vec<usize>,
    pub(crate) parquet: Arc<SchemaDescriptor>,
    pub(crate) properties: WriterPropertiesPtr,
    /// For each column: parquet's own writers of its leaves, made where they are needed.
    factories: Vec<ArrowRowGroupWriterFactory>,
    /// For each column: its first leaf among the Parquet columns.
    pub(crate) leaves: Vec<usize>,
    pub(crate) compression_level: i32,
}

impl Plan {
    pub(crate) fn new(table: &Table, options: &Options, pipeline: &PipelineId) -> Result<Self, SinkError> {
        let shape = |reason: String| SinkError::Shape { table: table.id.clone(), reason };
        let encode = |cause| SinkError::Encode { table: table.id.clone(), cause };
        let index = |name: &str| table.schema.index_of(name).map_err(|error| shape(error.to_string()));

        let (by, column) = (table.partition, table.partition.column());
        let partition = index(column)?;
        match (by, table.schema.field(partition).data_type()) {
            (Partition::Day(_), DataType::Timestamp(TimeUnit::Microsecond, None))
            | (Partition::Bucket(_), DataType::Utf8) => {}
            (Partition::Day(_), _) => {
                return Err(shape(format!("{column} is not a timestamp in microseconds without zone")));
            }
            (Partition::Bucket(_), _) => return Err(shape(format!("{column} is no text"))),
        }
        let sort = table.sort.iter().map(|name| index(name)).collect::<Result<Vec<_>, _>>()?;
        let distinct = table.distinct.iter().map(|name| index(name)).collect::<Result<Vec<_>, _>>()?;
        let coding = |(at, field): (usize, &FieldRef)| match field.data_type() {
            DataType::Utf8 if !distinct.contains(&at) => Coding::Text,
            // Sorting compares arrow's values, or strings.
            DataType::List(_) if !sort.contains(&at) => Node::of(field).map_or(Coding::Plain, Coding::Lists),
            _ => Coding::Plain,
        };
        let coding: Vec<Coding> = table.schema.fields().iter().enumerate().map(coding).collect();

        let parquet = ArrowSchemaConverter::new().convert(&table.schema).map_err(encode)?;
        let leaves = first_leaves(&parquet, table.schema.fields().len());
        let sorting = sort.iter().map(|column| sorting_column(leaves[*column])).collect();
        let properties = Arc::new(properties(table, options, pipeline, sorting).map_err(encode)?);
        let factory = |field: &FieldRef| factory(field, &properties).map_err(encode);
        let factories = table.schema.fields().iter().map(factory).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            table: table.id.clone(),
            schema: Arc::clone(&table.schema),
            partition,
            by,
            sort,
            units: first_units(&coding),
            coding,
            parquet: Arc::new(parquet),
            properties,
            factories,
            leaves,
            compression_level: options.compression_level,
        })
    }

    /// How many units there are.
    pub(crate) fn unit_count(&self) -> usize {
        self.coding.len() + self.coding.iter().map(Coding::leaves).sum::<usize>()
    }

    /// A file of this table, with the attempt in its footer.
    pub(crate) fn open(&self, attempt: &Attempt) -> Result<SerializedFileWriter<Vec<u8>>, SinkError> {
        let root = self.parquet.root_schema_ptr();
        let file = SerializedFileWriter::new(Vec::new(), root, Arc::clone(&self.properties));
        let mut file = file.map_err(|cause| self.encode(cause))?;
        file.append_key_value_metadata(KeyValue::new("tributary.attempt".to_owned(), attempt.to_string()));
        Ok(file)
    }

    /// parquet's own writers of the leaves of a column.
    pub(crate) fn writers(&self, column: usize) -> Result<Vec<ArrowColumnWriter>, ParquetError> {
        self.factories[column].create_column_writers(0)
    }

    pub(crate) fn encode(&self, cause: ParquetError) -> SinkError {
        SinkError::Encode { table: self.table.clone(), cause }
    }

    pub(crate) fn arrange(&self, cause: arrow_schema::ArrowError) -> SinkError {
        SinkError::Arrange { table: self.table.clone(), cause }
    }

    pub(crate) fn shape(&self, reason: impl Into<String>) -> SinkError {
        SinkError::Shape { table: self.table.clone(), reason: reason.into() }
    }
}

/// A factory can only be had from a file writer; this one never writes more than its magic number. It knows the one
/// column, so that writers of others need not be made: a column writer has its own compressor.
fn factory(field: &FieldRef, properties: &WriterPropertiesPtr) -> Result<ArrowRowGroupWriterFactory, ParquetError> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let parquet = ArrowSchemaConverter::new().convert(&schema)?;
    let file = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), Arc::clone(properties))?;
    Ok(ArrowRowGroupWriterFactory::new(&file, schema))
}

fn first_units(coding: &[Coding]) -> Vec<usize> {
    let next = |next: &mut usize, coding: &Coding| {
        let first = *next;
        *next += coding.leaves();
        Some(first)
    };
    coding.iter().scan(coding.len(), next).collect()
}

fn first_leaves(parquet: &SchemaDescriptor, columns: usize) -> Vec<usize> {
    let mut leaves = vec![0; columns];
    for leaf in (0..parquet.num_columns()).rev() {
        leaves[parquet.get_column_root_idx(leaf)] = leaf;
    }
    leaves
}

fn sorting_column(leaf: usize) -> SortingColumn {
    // A table has far fewer than 2^31 leaves.
    SortingColumn { column_idx: leaf as i32, descending: false, nulls_first: true }
}

fn properties(
    table: &Table,
    options: &Options,
    pipeline: &PipelineId,
    sorting: Vec<SortingColumn>,
) -> Result<WriterProperties, ParquetError> {
    let footer = [
        ("tributary.pipeline", pipeline.to_string()),
        ("tributary.schema_version", table.version.to_string()),
        ("tributary.table", table.id.to_string()),
    ];
    let footer = footer.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("tributary {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(options.compression_level)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_sorting_columns(Some(sorting))
        .set_key_value_metadata(Some(footer));
    for column in table.distinct {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    Ok(properties.build())
}
