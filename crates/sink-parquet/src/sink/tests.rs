use std::collections::HashMap;

use arrow_array::builder::{ListBuilder, StringBuilder, StructBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use proptest::prelude::*;
use tributary_core::{Day, PartitionPath};
use tributary_spool::Spool;
use tributary_store::MemoryStore;

use super::*;

const DAY: i64 = 86_400_000_000;
/// 2025-07-01.
const FIRST: i32 = 20_270;

fn numbered(id: i32, name: &str, kind: DataType, nullable: bool) -> Field {
    let id = HashMap::from([("PARQUET:field_id".to_owned(), id.to_string())]);
    Field::new(name, kind, nullable).with_metadata(id)
}

fn queue_fields() -> Fields {
    vec![numbered(501, "arn", DataType::Utf8, true), numbered(502, "name", DataType::Utf8, true)].into()
}

fn schema() -> Arc<Schema> {
    let queue = numbered(500, "element", DataType::Struct(queue_fields()), true);
    Arc::new(Schema::new(vec![
        numbered(1, "id", DataType::Utf8, false),
        numbered(2, "agent", DataType::Utf8, true),
        numbered(3, "at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        numbered(4, "number", DataType::Int64, true),
        numbered(5, "queues", DataType::List(Arc::new(queue)), true),
    ]))
}

fn table() -> Table {
    Table {
        id: TableId::new("events"),
        schema: schema(),
        version: 3,
        partition: tributary_core::Partition::Day("at"),
        key: &["id"],
        sort: &["agent", "at", "id"],
        distinct: &["id"],
    }
}

/// One row: its number, its agent (0 is null), its moment.
type Row = (u32, u32, i64);

fn batch(rows: &[Row]) -> TableBatch {
    let builders: Vec<Box<dyn arrow_array::builder::ArrayBuilder>> =
        vec![Box::new(StringBuilder::new()), Box::new(StringBuilder::new())];
    let element = Arc::new(numbered(500, "element", DataType::Struct(queue_fields()), true));
    let mut queues = ListBuilder::new(StructBuilder::new(queue_fields(), builders)).with_field(element);
    for (number, agent, _) in rows {
        for queue in 0..number % 3 {
            let values = queues.values();
            values.field_builder::<StringBuilder>(0).unwrap().append_value(format!("queue/{queue}"));
            values.field_builder::<StringBuilder>(1).unwrap().append_option((agent % 2 == 0).then_some("name"));
            values.append(true);
        }
        queues.append(number % 4 != 3);
    }
    let name = |agent: u32| match agent {
        0 => None,
        1_000_000.. => Some(format!("arn:aws:connect:agent/{agent:0200}")), // longer than statistics may be
        _ => Some(format!("arn:aws:connect:agent/{agent:03}")),
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(number, _, _)| format!("id-{number}")))),
        Arc::new(rows.iter().map(|(_, agent, _)| name(*agent)).collect::<StringArray>()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|(_, _, at)| *at))),
        Arc::new(
            rows.iter().map(|(number, _, _)| (number % 5 > 0).then_some(i64::from(*number))).collect::<Int64Array>(),
        ),
        Arc::new(queues.finish()),
    ];
    TableBatch {
        table: TableId::new("events"),
        rows: RecordBatch::try_new(schema(), columns).unwrap(),
        dictionaries: None,
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    sink: ParquetSink,
}

fn options() -> Options {
    Options { memory: 8 << 20, row_group_rows: 1_000, row_group_bytes: 1 << 20, ..Options::default() }
}

fn bench(options: Options, scratch: Option<Arc<dyn Scratch>>) -> Bench {
    let store = Arc::new(MemoryStore::new());
    let identity = Identity { pipeline: "tests".parse().unwrap() };
    let ours: Arc<dyn ObjectStore> = Arc::clone(&store) as _;
    let mut sink = ParquetSink::new(ours, vec![table()], options, scratch, identity).unwrap();
    sink.begin(&Attempt::from_bits(7));
    Bench { store, sink }
}

fn spool(limit: u64) -> Option<Arc<dyn Scratch>> {
    let dir = tempfile::tempdir().unwrap();
    Some(Arc::new(Spool::create(dir.path(), limit).unwrap()))
}

struct Read {
    sealed: SealedFile,
    metadata: Arc<ParquetMetaData>,
    rows: RecordBatch,
    groups: Vec<RecordBatch>,
}

impl Bench {
    async fn read(&mut self) -> Vec<Read> {
        let mut files = Vec::new();
        for sealed in self.sink.seal().await.unwrap() {
            self.store.complete(&sealed.key, &sealed.ticket).await.unwrap();
            let bytes: Bytes = self.store.read(&sealed.key).await.unwrap().unwrap();
            assert_eq!(bytes.len() as u64, sealed.ticket.bytes);
            files.push(read(sealed, bytes));
        }
        files
    }
}

fn read(sealed: SealedFile, bytes: Bytes) -> Read {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = |bytes| ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options.clone()).unwrap();
    let metadata = Arc::clone(builder(bytes.clone()).metadata());
    let mut groups = Vec::new();
    for group in 0..metadata.num_row_groups() {
        let reader = builder(bytes.clone()).with_row_groups(vec![group]).build().unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        groups.push(concat_batches(&batches[0].schema(), &batches).unwrap());
    }
    let rows = concat_batches(&groups[0].schema(), &groups).unwrap();
    assert_eq!(rows.num_rows() as u64, sealed.rows);
    let days = rows.column(2).as_primitive::<TimestampMicrosecondType>().values().iter();
    let mut days = days.map(|at| tributary_core::Timestamp::from_micros(*at).day());
    assert!(days.all(|day| PartitionPath::of(day) == sealed.partition), "day purity");
    assert!(sealed.key.as_str().starts_with(&format!("events/{}/events-", sealed.partition)), "{}", sealed.key);
    Read { sealed, metadata, rows, groups }
}

/// Each row as text, for comparing multisets.
fn lines(rows: &RecordBatch) -> Vec<String> {
    let column = |at: usize| rows.column(at);
    let text = |at: usize, row: usize| {
        let strings: &StringArray = column(at).as_string();
        strings.is_valid(row).then(|| strings.value(row).to_owned())
    };
    let line = |row: usize| {
        let at = column(2).as_primitive::<TimestampMicrosecondType>().value(row);
        let numbers = column(3).as_primitive::<arrow_array::types::Int64Type>();
        let number = numbers.is_valid(row).then(|| numbers.value(row));
        let queues = column(4).as_list::<i32>();
        let queues = queues.is_valid(row).then(|| {
            let queues = queues.value(row);
            let queues = queues.as_struct();
            let member = |member: usize, at: usize| {
                let strings: &StringArray = queues.column(member).as_string();
                strings.is_valid(at).then(|| strings.value(at).to_owned())
            };
            (0..queues.len()).map(|at| (member(0, at), member(1, at))).collect::<Vec<_>>()
        });
        format!("{:?} {:?} {at} {number:?} {queues:?}", text(0, row), text(1, row))
    };
    (0..rows.num_rows()).map(line).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn on_day(day: i32, within: i64) -> i64 {
    i64::from(FIRST + day) * DAY + within
}

#[tokio::test]
async fn what_was_written_is_read_back_with_types_ids_and_footer() {
    let mut bench = bench(options(), None);
    let rows: Vec<Row> =
        (0..500).map(|number| (number, number * 7 % 11, on_day(0, i64::from(number * 31 % 500)))).collect();
    bench.sink.write(batch(&rows)).await.unwrap();
    let files = bench.read().await;
    let [file] = files.as_slice() else { panic!("{} files", files.len()) };
    assert_eq!(sorted(lines(&file.rows)), sorted(lines(&batch(&rows).rows)));
    assert_eq!(
        file.sealed.key.as_str(),
        format!("events/day=2025-07-01/events-{}-00000.parquet", Attempt::from_bits(7))
    );

    let metadata = file.metadata.file_metadata();
    let footer: Vec<(&str, Option<&str>)> = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_deref()))
        .collect();
    let attempt = Attempt::from_bits(7);
    assert_eq!(
        footer,
        [
            ("tributary.pipeline", Some("tests")),
            ("tributary.schema_version", Some("3")),
            ("tributary.table", Some("events")),
            ("tributary.attempt", Some(attempt.as_str())),
        ]
    );
    assert!(metadata.created_by().unwrap().starts_with("tributary "));

    // The schema as every engine sees it: ids on each column, list element and struct member.
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, metadata.schema());
    let text = String::from_utf8(text).unwrap();
    for expected in [
        "REQUIRED BYTE_ARRAY id [1] (STRING);",
        "OPTIONAL BYTE_ARRAY agent [2] (STRING);",
        "REQUIRED INT64 at [3] (TIMESTAMP(MICROS,false));",
        "OPTIONAL INT64 number [4];",
        "OPTIONAL group queues [5] (LIST)",
        "REPEATED group list",
        "OPTIONAL group element [500]",
        "OPTIONAL BYTE_ARRAY arn [501] (STRING);",
        "OPTIONAL BYTE_ARRAY name [502] (STRING);",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }

    let group = file.metadata.row_group(0);
    let sorting: Vec<i32> = group.sorting_columns().unwrap().iter().map(|column| column.column_idx).collect();
    assert_eq!(sorting, [1, 2, 0]);
    assert!(group.columns().iter().all(|column| column.column_index_offset().is_some()));
    let statistics = group.column(1).statistics().unwrap();
    assert_eq!(statistics.min_bytes_opt(), Some(&b"arn:aws:connect:agent/001"[..]));
    assert_eq!(statistics.max_bytes_opt(), Some(&b"arn:aws:connect:agent/010"[..]));
    assert_eq!(statistics.null_count_opt(), Some(rows.iter().filter(|(_, agent, _)| *agent == 0).count() as u64));
}

#[tokio::test]
async fn rows_of_a_row_group_are_sorted_nulls_first() {
    let mut bench = bench(options(), None);
    for start in [0_u32, 700, 1_400] {
        let rows: Vec<Row> = (start..start + 700)
            .map(|number| (number, number * 7 % 11, on_day(0, i64::from(number * 31 % 97))))
            .collect();
        bench.sink.write(batch(&rows)).await.unwrap();
    }
    let files = bench.read().await;
    assert!(files.iter().map(|file| file.groups.len()).sum::<usize>() > 1);
    for group in files.iter().flat_map(|file| &file.groups) {
        let (ids, agents): (&StringArray, &StringArray) = (group.column(0).as_string(), group.column(1).as_string());
        let moments = group.column(2).as_primitive::<TimestampMicrosecondType>();
        let key = |row: usize| (agents.is_valid(row).then(|| agents.value(row)), moments.value(row), ids.value(row));
        assert!((1..group.num_rows()).all(|row| key(row - 1) <= key(row)));
    }
}

#[tokio::test]
async fn a_thousand_days_in_little_memory() {
    let memory = 2 << 20;
    let mut bench = bench(Options { memory, ..options() }, spool(1 << 30));
    let (mut peak, mut spooled) = (0, 0);
    for round in 0..40 {
        let rows: Vec<Row> = (0..1_600)
            .map(|number| (round * 1_600 + number, number % 50, on_day((number * 617 % 1_000) as i32, 5)))
            .collect();
        bench.sink.write(batch(&rows)).await.unwrap();
        let fill = bench.sink.fill();
        assert!(!fill.full);
        (peak, spooled) = (peak.max(fill.memory), spooled.max(fill.spooled));
    }
    assert!(peak <= memory, "{peak} bytes");
    assert!(spooled > 0, "the spool was never used");
    let files = bench.read().await;
    assert_eq!(files.len(), 1_000);
    assert_eq!(files.iter().map(|file| file.sealed.rows).sum::<u64>(), 64_000);
    let fill = bench.sink.fill();
    assert_eq!((fill.rows, fill.memory, fill.spooled, fill.encoded, fill.full), (0, 0, 0, 0, false));
}

#[tokio::test]
async fn without_spool_the_sink_says_full_and_still_takes_rows() {
    for scratch in [None, spool(10_000)] {
        let mut bench = bench(Options { memory: 1 << 20, ..options() }, scratch);
        let mut written = 0;
        for round in 0..20 {
            let rows: Vec<Row> =
                (0..1_600).map(|number| (round * 1_600 + number, 1, on_day((number % 300) as i32, 5))).collect();
            bench.sink.write(batch(&rows)).await.unwrap();
            written += rows.len() as u64;
        }
        assert!(bench.sink.fill().full);
        assert_eq!(bench.read().await.iter().map(|file| file.sealed.rows).sum::<u64>(), written);
        assert!(!bench.sink.fill().full);
    }
}

#[tokio::test]
async fn files_roll_by_size_and_not_by_day() {
    let mut bench = bench(Options { file_size: 20_000, ..options() }, None);
    for round in 0..20 {
        let rows: Vec<Row> = (0..1_000)
            .map(|number| (round * 1_000 + number, number % 50, on_day((number % 2) as i32, i64::from(number))))
            .collect();
        bench.sink.write(batch(&rows)).await.unwrap();
    }
    let files = bench.read().await;
    for day in 0..2 {
        let day = PartitionPath::of(Day::from_days(FIRST + day));
        let sizes: Vec<u64> =
            files.iter().filter(|file| file.sealed.partition == day).map(|file| file.sealed.ticket.bytes).collect();
        assert!(sizes.len() > 1, "{sizes:?}");
        assert!(sizes.iter().rev().skip(1).all(|size| *size >= 20_000), "{sizes:?}");
    }
    assert_eq!(files.iter().map(|file| file.sealed.rows).sum::<u64>(), 20_000);
}

/// A column chunk of codes has a page for each 20,000 rows; its nulls, bounds and places must be those of each page.
#[tokio::test]
async fn large_row_groups_have_pages_that_can_be_pruned() {
    let limits = Options { row_group_rows: 50_000, row_group_bytes: 64 << 20, memory: 256 << 20, ..options() };
    let mut bench = bench(limits, None);
    // 15,000 rows of no agent, then two agents with 15,000 each.
    let rows: Vec<Row> = (0..45_000).map(|number| (number, number % 3, on_day(0, i64::from(number)))).collect();
    bench.sink.write(batch(&rows)).await.unwrap();
    let files = bench.read().await;
    let [file] = files.as_slice() else { panic!("{} files", files.len()) };
    assert_eq!(file.groups.len(), 1);
    assert_eq!(sorted(lines(&file.rows)), sorted(lines(&batch(&rows).rows)));

    let page_index = file.metadata.page_index_for_row_group(0);
    let pages = page_index.page_locations(1).unwrap();
    assert_eq!(pages.iter().map(|page| page.first_row_index).collect::<Vec<_>>(), [0, 20_000, 40_000]);
    let Some(ColumnIndexMetaData::BYTE_ARRAY(column_index)) = page_index.column_index(1) else {
        panic!("no column index")
    };
    let bounds: Vec<_> = column_index.min_values_iter().zip(column_index.max_values_iter()).collect();
    let (one, two) = (&b"arn:aws:connect:agent/001"[..], &b"arn:aws:connect:agent/002"[..]);
    assert_eq!(bounds, [(Some(one), Some(one)), (Some(one), Some(two)), (Some(two), Some(two))]);
    assert_eq!([0, 1, 2].map(|page| column_index.null_count(page)), [Some(15_000), Some(0), Some(0)]);
}

/// Both leave the path of codes: long strings for parquet's own writer, unique ones in the middle of a row group.
#[tokio::test]
async fn strings_that_are_long_or_hardly_repeat() {
    for long in [0, 1_000_000] {
        let limits = Options { row_group_rows: 50_000, row_group_bytes: 64 << 20, memory: 256 << 20, ..options() };
        let mut bench = bench(limits, None);
        let mut expected = Vec::new();
        for round in 0..4 {
            let agent = |number: u32| long + if round < 3 { round * 3_000 + number } else { number % 5 };
            let rows: Vec<Row> = (0..3_000).map(|number| (number, agent(number), on_day(0, 7))).collect();
            expected.extend(lines(&batch(&rows).rows));
            bench.sink.write(batch(&rows)).await.unwrap();
        }
        let files = bench.read().await;
        let [file] = files.as_slice() else { panic!("{} files", files.len()) };
        assert_eq!(file.groups.len(), 1);
        assert_eq!(sorted(lines(&file.rows)), sorted(expected));
    }
}

#[tokio::test]
async fn no_rows_no_files() {
    let mut bench = bench(options(), None);
    bench.sink.write(batch(&[])).await.unwrap();
    assert_eq!(bench.read().await.len(), 0);
    assert!(bench.store.uploads().await.unwrap().is_empty());
}

#[tokio::test]
async fn mistakes_of_the_caller_are_errors() {
    let mut bench = bench(options(), None);
    let unknown = TableBatch { table: TableId::new("other"), ..batch(&[(1, 1, 0)]) };
    assert_eq!(bench.sink.write(unknown).await.unwrap_err().code(), "sink/bug");
    let other = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let wrong = TableBatch { table: TableId::new("events"), rows: other, dictionaries: None };
    assert!(bench.sink.write(wrong).await.unwrap_err().to_string().contains("schema"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Any sequence of batches over any days, with little memory, gives the same multiset of rows.
    #[test]
    fn no_row_is_lost_or_doubled(
        batches in proptest::collection::vec(proptest::collection::vec((0_u32..9_000, 0_u32..8, -3_i32..3, 0_i64..DAY), 1..300), 1..12),
        memory in 20_000_u64..2_000_000,
        group in 10_usize..400,
        seal_after: prop::sample::Index,
        with_spool: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let limits = Options { memory, row_group_rows: group, row_group_bytes: memory / 3, file_size: 30_000, ..options() };
            let mut bench = bench(limits, with_spool.then(|| spool(200_000).unwrap()));
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            let seal_after = seal_after.index(batches.len());
            for (at, rows) in batches.iter().enumerate() {
                let rows: Vec<Row> = rows.iter().map(|(number, agent, day, within)| (*number, *agent, on_day(*day, *within))).collect();
                expected.extend(lines(&batch(&rows).rows));
                bench.sink.write(batch(&rows)).await.unwrap();
                if at == seal_after {
                    found.extend(bench.read().await.iter().flat_map(|file| lines(&file.rows)));
                    bench.sink.begin(&Attempt::from_bits(8));
                }
            }
            found.extend(bench.read().await.iter().flat_map(|file| lines(&file.rows)));
            assert_eq!(bench.sink.fill().memory, 0, "everything is given back");
            assert_eq!(sorted(found), sorted(expected));
        });
    }
}
