//! Batches that come coded make the same files' contents as plain ones.

use std::collections::BTreeMap;

use arrow_array::builder::{ArrayBuilder, Float64Builder, Int32Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::builder::{Int64Builder, TimestampMicrosecondBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proptest::prelude::*;
use tributary_spool::Spool;
use tributary_store::MemoryStore;

use super::*;

const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// An element: null, or its text, channels, number, level (with NaN) and size.
type Element = Option<(Option<String>, Option<Vec<Option<String>>>, Option<i32>, Option<f64>, Option<i64>)>;

/// A row: its day, its text, its list.
pub(super) type Row = (i64, Option<String>, Option<Vec<Element>>);

fn element_fields() -> Fields {
    let channel = Field::new("element", DataType::Utf8, true);
    vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("channels", DataType::List(Arc::new(channel)), true),
        Field::new("number", DataType::Int32, true),
        Field::new("level", DataType::Float64, true),
        Field::new("size", DataType::Int64, true),
        Field::new("at", MOMENT, false),
    ]
    .into()
}

fn element() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(element_fields()), true))
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("at", MOMENT, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("list", DataType::List(element()), true),
        Field::new("distinct", DataType::Utf8, true),
        Field::new("flag", DataType::Boolean, true),
    ]))
}

fn lists<'a>(lists: impl Iterator<Item = &'a Option<Vec<Element>>>) -> ArrayRef {
    let channels = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    let builders: Vec<Box<dyn ArrayBuilder>> = vec![
        Box::new(StringBuilder::new()),
        Box::new(channels),
        Box::new(Int32Builder::new()),
        Box::new(Float64Builder::new()),
        Box::new(Int64Builder::new()),
        Box::new(TimestampMicrosecondBuilder::new()),
    ];
    let mut builder = ListBuilder::new(StructBuilder::new(element_fields(), builders)).with_field(element());
    for list in lists {
        for element in list.iter().flatten() {
            let values = builder.values();
            let nothing = (None, None, None, None, None);
            let (text, channels, number, level, size) = element.as_ref().unwrap_or(&nothing);
            values.field_builder::<StringBuilder>(0).unwrap().append_option(text.as_deref());
            let inner = values.field_builder::<ListBuilder<StringBuilder>>(1).unwrap();
            channels.iter().flatten().for_each(|channel| inner.values().append_option(channel.as_deref()));
            inner.append(channels.is_some());
            values.field_builder::<Int32Builder>(2).unwrap().append_option(*number);
            values.field_builder::<Float64Builder>(3).unwrap().append_option(*level);
            values.field_builder::<Int64Builder>(4).unwrap().append_option(*size);
            values.field_builder::<TimestampMicrosecondBuilder>(5).unwrap().append_value(size.unwrap_or(7));
            values.append(element.is_some());
        }
        builder.append(list.is_some());
    }
    Arc::new(builder.finish())
}

fn plain(rows: &[Row]) -> RecordBatch {
    let text: ArrayRef = Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>());
    let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.0 * 86_400_000_000));
    let list = lists(rows.iter().map(|row| &row.2));
    let flag = rows.iter().map(|row| row.1.is_some().then_some(row.2.is_some())).collect::<BooleanArray>();
    RecordBatch::try_new(schema(), vec![Arc::new(at), Arc::clone(&text), list, text, Arc::new(flag)]).unwrap()
}

/// Keys and different values of a column, the first of which no key uses.
fn keyed<'a, T>(values: impl Iterator<Item = &'a Option<T>>, unused: T) -> (Int32Array, Vec<Option<T>>)
where
    T: Clone + PartialEq + 'a,
{
    let mut different: Vec<Option<T>> = vec![Some(unused)];
    let mut key = |value: &Option<T>| {
        value.as_ref()?;
        let place = different.iter().skip(1).position(|known| known == value).map_or_else(
            || {
                different.push(value.clone());
                different.len() - 1
            },
            |place| place + 1,
        );
        Some(place as i32)
    };
    let keys: Int32Array = values.map(&mut key).collect();
    (keys, different)
}

/// The same rows with strings and lists coded.
pub(super) fn coded(rows: &[Row]) -> RecordBatch {
    let (text_keys, texts) = keyed(rows.iter().map(|row| &row.1), "unused".to_owned());
    let texts: StringArray = texts.into_iter().collect();
    let (list_keys, values) = keyed(rows.iter().map(|row| &row.2), vec![None]);
    let text: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(text_keys, Arc::new(texts)));
    let list = DictionaryArray::<Int32Type>::new(list_keys, lists(values.iter()));
    let columns: Vec<ArrayRef> = vec![
        Arc::clone(plain(rows).column(0)),
        Arc::clone(&text),
        Arc::new(list),
        text, // the table says that this one is distinct: coded all the same, it is taken
        Arc::clone(plain(rows).column(4)),
    ];
    let ours = schema();
    let field =
        |(ours, column): (&Arc<Field>, &ArrayRef)| ours.as_ref().clone().with_data_type(column.data_type().clone());
    let fields: Vec<Field> = ours.fields().iter().zip(&columns).map(field).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The same rows with the strings inside of lists coded.
pub(super) fn parts_coded(rows: &[Row]) -> RecordBatch {
    let plain = plain(rows);
    let mut columns = plain.columns().to_vec();
    columns[2] = code_strings(&columns[2]);
    let mut fields: Vec<Field> = plain.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[2] = fields[2].clone().with_data_type(columns[2].data_type().clone());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn code_strings(array: &ArrayRef) -> ArrayRef {
    let typed = |field: &Field, array: &ArrayRef| field.clone().with_data_type(array.data_type().clone());
    match array.data_type() {
        DataType::Utf8 => {
            let (mut places, mut values) = (BTreeMap::new(), vec!["unused"]);
            let mut key = |text| {
                *places.entry(text).or_insert_with(|| {
                    values.push(text);
                    values.len() as i32 - 1
                })
            };
            let keys: Int32Array = array.as_string::<i32>().iter().map(|text| text.map(&mut key)).collect();
            Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(values))))
        }
        DataType::Struct(fields) => {
            let columns: Vec<ArrayRef> = array.as_struct().columns().iter().map(code_strings).collect();
            let fields: Fields = fields.iter().zip(&columns).map(|(field, column)| typed(field, column)).collect();
            Arc::new(StructArray::new(fields, columns, array.nulls().cloned()))
        }
        DataType::List(field) => {
            let (list, elements) = (array.as_list::<i32>(), code_strings(array.as_list::<i32>().values()));
            let field = Arc::new(typed(field, &elements));
            Arc::new(ListArray::new(field, list.offsets().clone(), elements, list.nulls().cloned()))
        }
        _ => Arc::clone(array),
    }
}

/// The ways in which a batch may come.
const WAYS: [fn(&[Row]) -> RecordBatch; 3] = [plain, coded, parts_coded];

pub(super) struct Files {
    pub(super) lines: Vec<String>,
    metadata: Vec<Arc<ParquetMetaData>>,
}

/// Each row as text.
fn lines(batch: &RecordBatch) -> Vec<String> {
    let line = |row: usize| batch.columns().iter().map(|column| show(column, row)).collect();
    (0..batch.num_rows()).map(line).collect()
}

/// A value as text; what lies under a null does not show.
fn show(array: &ArrayRef, at: usize) -> String {
    match array.data_type() {
        _ if array.is_null(at) => "null".to_owned(),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| show(column, at) + ";").collect(),
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(at);
            format!("[{}]", (0..list.len()).map(|at| show(&list, at) + ",").collect::<String>())
        }
        _ => format!("{:?}", array.slice(at, 1)),
    }
}

async fn write(batches: &[RecordBatch], options: Options, spool: bool) -> Files {
    let batches = batches.iter().map(|batch| (batch.clone(), None)).collect();
    write_numbered(batches, options, spool).await
}

/// Writes batches with the number of their dictionaries.
pub(super) async fn write_numbered(
    batches: Vec<(RecordBatch, Option<(u32, u32)>)>,
    options: Options,
    spool: bool,
) -> Files {
    let store = Arc::new(MemoryStore::new());
    let table = Table {
        id: TableId::new("events"),
        schema: schema(),
        version: 1,
        partition: tributary_core::Partition::Day("at"),
        key: &["text"],
        sort: &["text"],
        distinct: &["distinct"],
    };
    let dir = tempfile::tempdir().unwrap();
    let scratch = spool.then(|| Arc::new(Spool::create(dir.path(), 1 << 30).unwrap()) as Arc<dyn Scratch>);
    let identity = Identity { pipeline: "tests".parse().unwrap() };
    let ours: Arc<dyn ObjectStore> = Arc::clone(&store) as _;
    let mut sink = ParquetSink::new(ours, vec![table], options, scratch, identity).unwrap();
    sink.begin(&Attempt::from_bits(7));
    for (rows, dictionaries) in batches {
        sink.write(TableBatch { table: TableId::new("events"), rows, dictionaries }).await.unwrap();
    }
    let mut files = Files { lines: Vec::new(), metadata: Vec::new() };
    for sealed in sink.seal().await.unwrap() {
        store.complete(&sealed.key, &sealed.ticket).await.unwrap();
        let bytes = store.read(&sealed.key).await.unwrap().unwrap();
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).unwrap();
        files.metadata.push(Arc::clone(reader.metadata()));
        reader.build().unwrap().for_each(|batch| files.lines.extend(lines(&batch.unwrap())));
    }
    assert_eq!(sink.fill().memory, 0, "everything is given back");
    files.lines.sort();
    files
}

pub(super) fn expected(batches: &[Vec<Row>]) -> Vec<String> {
    let mut all: Vec<String> = batches.iter().flat_map(|rows| lines(&plain(rows))).collect();
    all.sort();
    all
}

pub(super) fn options() -> Options {
    Options { memory: 8 << 20, row_group_rows: 100_000, row_group_bytes: 4 << 20, ..Options::default() }
}

/// What parquet's own writer and ours must agree on, by column of all row groups.
fn facts(files: &Files) -> Vec<String> {
    let groups = files.metadata.iter().flat_map(|file| file.row_groups());
    let columns = groups.flat_map(|group| group.columns());
    let fact = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        let statistics = column.statistics().unwrap();
        let bounds = (column.column_type() != Type::DOUBLE)
            .then(|| (statistics.min_bytes_opt().map(<[u8]>::to_vec), statistics.max_bytes_opt().map(<[u8]>::to_vec)));
        let exact = (bounds.is_some()).then(|| (statistics.min_is_exact(), statistics.max_is_exact()));
        let text = column.unencoded_byte_array_data_bytes();
        format!(
            "{} {} {:?} {bounds:?} {exact:?} {text:?}",
            column.column_path(),
            column.num_values(),
            statistics.null_count_opt()
        )
    };
    columns.map(fact).collect()
}

/// The rows as parquet's own writer writes them.
fn by_parquet(rows: &RecordBatch) -> Files {
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(crate::plan::STATISTICS_BYTES))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    Files { lines: Vec::new(), metadata: vec![Arc::new(writer.close().unwrap())] }
}

/// Lists that stop repeating leave the codes in the middle of a row group, and it becomes a mixture.
#[tokio::test]
async fn lists_that_hardly_repeat() {
    let text = |number: i32| Some(if number % 2 > 0 { "text".to_owned() } else { number.to_string() });
    let one = |number: i32| Some((text(number), Some(vec![text(number / 2)]), Some(number), Some(0.5), None));
    let row = |number: i32| (0, Some(format!("{}", number % 7)), (number % 5 > 0).then(|| vec![one(number), None]));
    let unique = |round: i32| (0..3_000).map(|number| row(round * 3_000 + number)).collect::<Vec<Row>>();
    let batches = [unique(0), unique(1), unique(2), (0..500).map(|number| row(number % 3)).collect()];
    for make in WAYS {
        let made: Vec<RecordBatch> = batches.iter().map(|rows| make(rows)).collect();
        let roomy = Options { memory: 256 << 20, row_group_bytes: 128 << 20, ..options() };
        let files = write(&made, roomy, false).await;
        assert_eq!(files.metadata.iter().map(|file| file.num_row_groups()).sum::<usize>(), 1);
        assert!(files.lines == expected(&batches));
        // With little memory they go through the spool as well.
        let files = write(&made, Options { memory: 1 << 20, row_group_bytes: 8 << 20, ..options() }, true).await;
        assert!(files.lines == expected(&batches));
    }
}

#[tokio::test]
async fn coded_lists_have_the_statistics_that_parquet_gives_plain_ones() {
    let text =
        |number: usize| (!number.is_multiple_of(5)).then(|| format!("{}{number:03}", "x".repeat(number % 3 * 100)));
    let element = |number: usize| {
        let channels = (!number.is_multiple_of(4)).then(|| vec![text(number + 1); number % 4 - 1]);
        (!number.is_multiple_of(7))
            .then(|| (text(number), channels, Some(number as i32 - 20), Some(0.5), Some(-(number as i64))))
    };
    let list = |number: usize| {
        (!number.is_multiple_of(6)).then(|| (0..number % 6 - 1).map(|at| element(number + at)).collect())
    };
    let rows: Vec<Row> = (0..45_000).map(|number| (0, text(number % 11), list(number % 50))).collect();
    let roomy = Options { memory: 256 << 20, row_group_bytes: 128 << 20, ..options() };
    let (theirs, expected) = (facts(&by_parquet(&plain(&rows))), expected(std::slice::from_ref(&rows)));
    for make in WAYS {
        let ours = write(&[make(&rows)], roomy.clone(), false).await;
        assert_eq!(facts(&ours), theirs);
        assert!(ours.lines == expected);
        // Pages begin with rows, whatever their lists hold, and none is larger than its limits.
        let index = ours.metadata[0].page_index_for_row_group(0);
        for column in 1..10 {
            let pages = index.page_locations(column).unwrap();
            assert!(pages.len() >= 3 && pages.is_sorted_by_key(|page| page.first_row_index), "{pages:?}");
            // Strings without dictionary: their bytes end a page.
            assert!(column != 8 || pages.len() > 3, "{pages:?}");
            assert!(pages.windows(2).all(|pair| pair[1].first_row_index - pair[0].first_row_index <= 20_000));
        }
    }
}

/// Strings inside of lists that never repeat are spelled out: their pages are plain, and no larger than their limit.
#[tokio::test]
async fn unique_strings_inside_of_lists() {
    let text = |number: usize| Some(format!("{number:040}"));
    let list =
        |number: usize| (!number.is_multiple_of(3)).then(|| vec![Some((text(number), None, None, None, None)); 2]);
    let rows: Vec<Row> = (0..60_000).map(|number| (0, text(number % 5), list(number))).collect();
    let roomy = Options { memory: 256 << 20, row_group_bytes: 128 << 20, ..options() };
    // In one batch all of them are coded; in three, the second and the third come after it was found to be in vain.
    for batches in [vec![&rows[..]], rows.chunks(20_000).collect()] {
        let made: Vec<RecordBatch> = batches.into_iter().map(parts_coded).collect();
        let ours = write(&made, roomy.clone(), false).await;
        assert!(ours.lines == expected(std::slice::from_ref(&rows)));
        let column = ours.metadata[0].row_group(0).column(2);
        assert_eq!(column.column_path().string(), "list.list.element.text");
        assert!(column.dictionary_page_offset().is_none());
        let pages = ours.metadata[0].page_index_for_row_group(0).page_locations(2).unwrap().clone();
        assert!(pages.len() >= 3, "{pages:?}");
        assert_eq!(facts(&ours)[2], facts(&by_parquet(&plain(&rows)))[2]);
    }
}

/// The offset index says at which row a page begins: a reader that skips rows must land on the right ones.
#[tokio::test]
async fn rows_are_found_by_the_offset_index() {
    use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
    let list =
        |number: i32| Some((0..number % 9).map(|at| Some((None, None, Some(number + at), None, None))).collect());
    let rows: Vec<Row> = (0..60_000).map(|number| (0, Some("same".to_owned()), list(number % 500))).collect();
    let store = Arc::new(MemoryStore::new());
    let table = Table {
        id: TableId::new("events"),
        schema: schema(),
        version: 1,
        partition: tributary_core::Partition::Day("at"),
        key: &["text"],
        sort: &["text"],
        distinct: &[],
    };
    let identity = Identity { pipeline: "tests".parse().unwrap() };
    let limits = Options { memory: 256 << 20, row_group_bytes: 128 << 20, ..options() };
    let mut sink = ParquetSink::new(Arc::clone(&store) as _, vec![table], limits, None, identity).unwrap();
    sink.begin(&Attempt::from_bits(7));
    for (part, make) in rows.chunks(20_000).zip(WAYS) {
        sink.write(TableBatch { table: TableId::new("events"), rows: make(part), dictionaries: None }).await.unwrap();
    }
    let sealed = sink.seal().await.unwrap().remove(0);
    store.complete(&sealed.key, &sealed.ticket).await.unwrap();
    let bytes = store.read(&sealed.key).await.unwrap().unwrap();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let selection = [(true, 25_000), (false, 3), (true, 30_000), (false, 20)]
        .map(|(skip, row_count)| RowSelector { skip, row_count });
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).unwrap();
    assert!(reader.metadata().page_index_for_row_group(0).page_locations(4).unwrap().len() > 2);
    let reader = reader.with_row_selection(RowSelection::from(selection.to_vec())).build().unwrap();
    let found: Vec<String> = reader.flat_map(|batch| lines(&batch.unwrap())).collect();
    assert_eq!(found, lines(&plain(&[&rows[25_000..25_003], &rows[55_003..55_023]].concat())));
}

#[tokio::test]
async fn other_dictionaries_are_mistakes() {
    let store: Arc<dyn ObjectStore> = Arc::new(MemoryStore::new());
    let one =
        |kind: DataType| Arc::new(Schema::new(vec![Field::new("at", MOMENT, false), Field::new("a", kind, true)]));
    let table = Table {
        id: TableId::new("events"),
        schema: one(DataType::Int64),
        version: 1,
        partition: tributary_core::Partition::Day("at"),
        key: &[],
        sort: &[],
        distinct: &[],
    };
    let identity = Identity { pipeline: "tests".parse().unwrap() };
    let mut sink = ParquetSink::new(store, vec![table], options(), None, identity).unwrap();
    sink.begin(&Attempt::from_bits(7));
    let values: ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![1]));
    let column = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0]), values);
    let schema = one(column.data_type().clone());
    let at = TimestampMicrosecondArray::from(vec![1]);
    let rows = RecordBatch::try_new(schema, vec![Arc::new(at), Arc::new(column)]).unwrap();
    let error = sink.write(TableBatch { table: TableId::new("events"), rows, dictionaries: None }).await.unwrap_err();
    assert!(error.to_string().contains("schema"), "{error}");
}

/// Values that are null make rows null that have no null key; such a row has no place in a column that takes none.
#[tokio::test]
async fn a_null_value_in_a_column_without_nulls_is_a_mistake() {
    let store: Arc<dyn ObjectStore> = Arc::new(MemoryStore::new());
    let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let one = |kind| Arc::new(Schema::new(vec![Field::new("at", MOMENT, false), Field::new("a", kind, false)]));
    let table = Table {
        id: TableId::new("events"),
        schema: one(DataType::Utf8),
        version: 1,
        partition: tributary_core::Partition::Day("at"),
        key: &[],
        sort: &[],
        distinct: &[],
    };
    let identity = Identity { pipeline: "tests".parse().unwrap() };
    let mut sink = ParquetSink::new(store, vec![table], options(), None, identity).unwrap();
    sink.begin(&Attempt::from_bits(7));
    let values: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a")]));
    let column = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0, 1]), values);
    let at = TimestampMicrosecondArray::from(vec![1, 1]);
    let rows = RecordBatch::try_new(one(kind), vec![Arc::new(at), Arc::new(column)]).unwrap();
    let written = sink.write(TableBatch { table: TableId::new("events"), rows, dictionaries: None }).await;
    assert!(written.is_err() || sink.seal().await.is_err());
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-c]{0,3}|é{90}")
}

fn any_element() -> impl Strategy<Value = Element> {
    let channels = proptest::option::of(proptest::collection::vec(any_text(), 0..3));
    let level =
        proptest::option::of(prop_oneof![Just(f64::NAN.to_bits()), Just(1.5_f64.to_bits())].prop_map(f64::from_bits));
    proptest::option::of((any_text(), channels, proptest::option::of(-2..3), level, proptest::option::of(-2_i64..300)))
}

fn any_row() -> impl Strategy<Value = Row> {
    (0_i64..4, any_text(), proptest::option::of(proptest::collection::vec(any_element(), 0..4)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Coded, plain, and both in turn: the same rows, through row groups, the spool, and several generations of codes.
    #[test]
    fn coded_and_plain_batches_make_the_same_rows(
        batches in proptest::collection::vec(proptest::collection::vec(any_row(), 1..60), 1..8),
        memory in 10_000_u64..2_000_000,
        group in 5_usize..200,
        spool: bool,
        ways in proptest::collection::vec(0..WAYS.len(), 8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let expected = expected(&batches);
        let limits = Options { memory, row_group_rows: group, row_group_bytes: memory / 3, ..options() };
        let mixed: Vec<RecordBatch> = batches.iter().zip(ways).map(|(rows, way)| WAYS[way](rows)).collect();
        let all = |way: usize| batches.iter().map(|rows| WAYS[way](rows)).collect();
        for batches in [mixed, all(1), all(2)] {
            let found = runtime.block_on(write(&batches, limits.clone(), spool));
            prop_assert_eq!(&found.lines, &expected);
        }
    }
}
