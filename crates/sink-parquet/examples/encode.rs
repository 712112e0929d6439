//! What the sink costs: writes rows like those of `agent_event` to a store that keeps nothing (or to a
//! folder), and prints CPU seconds, bytes and the peak of memory.
//! `cargo run --release -p tributary-sink-parquet --example encode -- [ROWS] [DAYS] [plain|coded] [FOLDER]`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::row::{RowConverter, SortField};
use arrow_array::builder::{ArrayBuilder, ListBuilder, StringBuilder, StructBuilder, TimestampMicrosecondBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array,
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow_select::take::take;
use async_trait::async_trait;
use bytes::Bytes;
use tributary_core::{Attempt, Digest, Key, Sink, Table, TableBatch, TableId, Ticket};
use tributary_sink_parquet::{Identity, Options, ParquetSink};
use tributary_spool::Spool;
use tributary_store::{Completed, Created, FolderStore, ObjectStore, PendingUpload, StoreError, Upload};

/// Takes everything and keeps nothing.
struct Nothing;

struct NoUpload(u64);

#[async_trait]
impl Upload for NoUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    async fn seal(self: Box<Self>) -> Result<Ticket, StoreError> {
        Ok(Ticket { upload: String::new(), parts: Vec::new(), bytes: self.0, digest: Digest::from_crc64(0) })
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for Nothing {
    async fn read(&self, _: &Key) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
    async fn size(&self, _: &Key) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
    async fn read_range(&self, _: &Key, _: Range<u64>) -> Result<Bytes, StoreError> {
        Ok(Bytes::new())
    }
    async fn create(&self, _: &Key, _: Bytes) -> Result<Created, StoreError> {
        Ok(Created::New)
    }
    async fn list(&self, _: &Key, _: Option<&Key>) -> Result<Vec<Key>, StoreError> {
        Ok(Vec::new())
    }
    async fn delete(&self, _: &Key) -> Result<(), StoreError> {
        Ok(())
    }
    async fn begin(&self, _: &Attempt, _: &Key) -> Result<Box<dyn Upload>, StoreError> {
        Ok(Box::new(NoUpload(0)))
    }
    async fn complete(&self, _: &Key, _: &Ticket) -> Result<Completed, StoreError> {
        Ok(Completed::Now)
    }
    async fn abort(&self, _: &Key, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
    async fn uploads(&self) -> Result<Vec<PendingUpload>, StoreError> {
        Ok(Vec::new())
    }
}

const AGENTS: usize = 500;
const STRINGS: usize = 42;

fn queue_fields() -> Fields {
    let channels = Field::new("channels", DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))), true);
    vec![Field::new("arn", DataType::Utf8, true), Field::new("name", DataType::Utf8, true), channels].into()
}

fn element() -> Field {
    Field::new("element", DataType::Struct(queue_fields()), true)
}

fn contact_fields() -> Fields {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let text = ["contact_id", "initial_contact_id", "channel", "state", "queue"];
    let text = text.map(|name| Field::new(name, DataType::Utf8, true));
    let moments = ["started", "connected", "queued"].map(|name| Field::new(name, moment.clone(), true));
    text.into_iter().chain(moments).collect()
}

fn contact() -> Field {
    Field::new("element", DataType::Struct(contact_fields()), true)
}

fn schema() -> SchemaRef {
    let mut fields = vec![
        Field::new("event_id", DataType::Utf8, false),
        Field::new("event_timestamp", DataType::Timestamp(TimeUnit::Microsecond, None), false),
    ];
    fields.extend((0..STRINGS).map(|at| Field::new(format!("string_{at}"), DataType::Utf8, true)));
    fields.extend(
        (0..7).map(|at| Field::new(format!("time_{at}"), DataType::Timestamp(TimeUnit::Microsecond, None), true)),
    );
    fields.push(Field::new("flag", DataType::Boolean, true));
    fields.extend((0..15).map(|at| match at {
        2 | 3 => Field::new(format!("contacts_{at}"), DataType::List(Arc::new(contact())), true),
        0 | 1 => Field::new(format!("queues_{at}"), DataType::List(Arc::new(element())), true),
        _ => Field::new(
            format!("empty_{at}"),
            DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))),
            true,
        ),
    }));
    Arc::new(Schema::new(fields))
}

fn string(column: usize, agent: usize, row: usize) -> Option<String> {
    let arn = "arn:aws:connect:us-east-1:111122223333:instance/7b0f61af-955b-4e85-93ac-da29228b5542";
    match column {
        0 => Some(format!("{arn}/agent/{agent:08}-96ab-44f3-8fb9-bcb80298{agent:04}")),
        1..4 => Some(arn.to_owned()),
        4..10 => Some(format!("{arn}/agent-state/{:08}-b5f2-41a9-9d6d-1e1a2c3d4e{:02}", row % 7, row * column % 7)),
        10..16 => Some(format!("{arn}/routing-profile/{:08}-c4f4-42ae-8b9e-adc63d6923{:02}", agent % 12, column)),
        16..22 => Some(format!("{arn}/agent-group/{:08}-c4f4-42ae-8b9e-adc63d6923{:02}", agent % 30, column)),
        22..34 => Some(format!("Name {} of level {column}", agent % 30)),
        34..38 => Some(format!("user{agent}")),
        _ => None,
    }
}

fn lists(batch: usize, rows: usize) -> ArrayRef {
    let channels = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    let builders: Vec<Box<dyn ArrayBuilder>> =
        vec![Box::new(StringBuilder::new()), Box::new(StringBuilder::new()), Box::new(channels)];
    let mut list = ListBuilder::new(StructBuilder::new(queue_fields(), builders)).with_field(element());
    for row in 0..rows {
        let profile = (batch * rows + row) * 7 % AGENTS % 12;
        for queue in 0..5 {
            let values = list.values();
            let arn = string(10, profile * 5 + queue, 0).unwrap();
            values.field_builder::<StringBuilder>(0).unwrap().append_value(arn);
            values.field_builder::<StringBuilder>(1).unwrap().append_value(format!("Queue {queue} of {profile}"));
            let channels = values.field_builder::<ListBuilder<StringBuilder>>(2).unwrap();
            channels.values().append_value("VOICE");
            channels.append(true);
            values.append(true);
        }
        list.append(true);
    }
    Arc::new(list.finish())
}

/// Every other row has one, and each contact is in four rows.
fn contacts(batch: usize, rows: usize) -> ArrayRef {
    let mut builders: Vec<Box<dyn ArrayBuilder>> = Vec::new();
    (0..5).for_each(|_| builders.push(Box::new(StringBuilder::new())));
    (0..3).for_each(|_| builders.push(Box::new(TimestampMicrosecondBuilder::new())));
    let mut list = ListBuilder::new(StructBuilder::new(contact_fields(), builders)).with_field(contact());
    for row in 0..rows {
        let number = (batch * rows + row) / 8;
        if row % 2 == 0 {
            let values = list.values();
            let id = format!("{:08x}-7b0f-4e85-93ac-da29228b5542", number * 2_654_435_761 % 0xffff_ffff);
            let queue = string(10, number % 60, 0).unwrap();
            for (member, text) in [&id, &id, "VOICE", "CONNECTED", &queue].into_iter().enumerate() {
                values.field_builder::<StringBuilder>(member).unwrap().append_value(text);
            }
            for member in 5..8 {
                let at = (number * 1_003 + member) as i64 * 1_000;
                values.field_builder::<TimestampMicrosecondBuilder>(member).unwrap().append_value(at);
            }
            values.append(true);
        }
        list.append(true);
    }
    Arc::new(list.finish())
}

fn batch(schema: &SchemaRef, number: usize, rows: usize, total: usize, days: usize) -> RecordBatch {
    let agent = |row: usize| (number * rows + row) * 7 % AGENTS;
    let start = 20_270_i64 * 86_400_000_000;
    // With many days they are interleaved, with few the rows come in the order of time.
    let at = |row: usize| match days {
        0..10 => start + ((number * rows + row) * days) as i64 * 86_400_000_000 / total as i64,
        _ => start + ((number * rows + row) * 617 % days) as i64 * 86_400_000_000 + row as i64,
    };
    let id = |row: usize| {
        format!(
            "{:08x}-7b0f-{:04x}-85e9-{:012x}",
            (number * rows + row) * 2_654_435_761 % 0xffff_ffff,
            row * 977 % 65_536,
            (row * 1_099_511_627 + number * 7_919) % 0xffff_ffff_ffff
        )
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values((0..rows).map(id))),
        Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(at))),
    ];
    for column in 0..STRINGS {
        columns.push(Arc::new((0..rows).map(|row| string(column, agent(row), row)).collect::<StringArray>()));
    }
    for column in 0..7 {
        columns.push(Arc::new(TimestampMicrosecondArray::from_iter(
            (0..rows).map(|row| (column < 5).then(|| at(row) - (agent(row) * 1_000_003 % 600_000_000) as i64)),
        )));
    }
    columns.push(Arc::new((0..rows).map(|row| Some(row % 2 == 0)).collect::<BooleanArray>()));
    let (queues, contacts) = (lists(number, rows), contacts(number, rows));
    for column in 0..15 {
        let mut empty = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
        (0..rows).for_each(|_| empty.append(true));
        columns.push(match column {
            0 | 1 => Arc::clone(&queues),
            2 | 3 => Arc::clone(&contacts),
            _ => Arc::new(empty.finish()),
        });
    }
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

/// The batch as a decoder makes it: strings and lists as keys of their different values.
fn coded(batch: &RecordBatch) -> RecordBatch {
    let fields = batch.schema();
    let stays = |at: usize| at == 0 || fields.field(at).name().starts_with("contacts");
    let column = |(at, array): (usize, &ArrayRef)| -> ArrayRef {
        match array.data_type() {
            DataType::Utf8 | DataType::List(_) if !stays(at) => key(array),
            _ => Arc::clone(array),
        }
    };
    let columns: Vec<ArrayRef> = batch.columns().iter().enumerate().map(column).collect();
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> =
        fields.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone())).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn key(array: &ArrayRef) -> ArrayRef {
    let converter = RowConverter::new(vec![SortField::new(array.data_type().clone())]).unwrap();
    let rows = converter.convert_columns(&[Arc::clone(array)]).unwrap();
    let (mut known, mut places) = (HashMap::new(), Vec::new());
    let mut place = |row: usize| {
        let key = *known.entry(rows.row(row)).or_insert_with(|| {
            places.push(row as u32);
            places.len() as i32 - 1
        });
        array.is_valid(row).then_some(key)
    };
    let keys: Int32Array = (0..array.len()).map(&mut place).collect();
    let values = take(array, &UInt32Array::from(places), None).unwrap();
    Arc::new(DictionaryArray::new(keys, values))
}

/// User and system seconds of this process so far.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn status(key: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).map(|text| text.parse::<usize>().unwrap());
    let (total, days) = (number(0).unwrap_or(100_000), number(1).unwrap_or(3));
    let store: Arc<dyn ObjectStore> = match arguments.get(3) {
        Some(folder) => Arc::new(FolderStore::open(Path::new(folder)).unwrap()),
        None => Arc::new(Nothing),
    };
    let is_coded = arguments.get(2).is_none_or(|text| text == "coded");
    let rows = 3_200;
    let schema = schema();
    let table = Table {
        id: TableId::new("agent_event"),
        schema: Arc::clone(&schema),
        version: 1,
        partition: tributary_core::Partition::Day("event_timestamp"),
        key: &["event_id"],
        sort: &["string_0", "event_timestamp", "event_id"],
        distinct: &["event_id"],
    };
    let spool = Spool::create(&std::env::temp_dir(), 8 << 30).unwrap();
    let identity = Identity { pipeline: "bench".parse().unwrap() };
    let mut sink =
        ParquetSink::new(Arc::clone(&store), vec![table], Options::default(), Some(Arc::new(spool)), identity).unwrap();
    sink.begin(&Attempt::from_bits(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        let mut spent = BTreeMap::from([("make", 0.0), ("write", 0.0), ("seal", 0.0)]);
        let (mut memory, mut spooled, mut raw) = (0, 0, 0);
        for number in 0..total / rows {
            let start = cpu();
            let batch = batch(&schema, number, rows, total, days);
            raw += batch.get_array_memory_size();
            let batch = if is_coded { coded(&batch) } else { batch };
            let made = cpu();
            sink.write(TableBatch { table: TableId::new("agent_event"), rows: batch, dictionaries: None })
                .await
                .unwrap();
            *spent.entry("make").or_default() += made - start;
            *spent.entry("write").or_default() += cpu() - made;
            let fill = sink.fill();
            (memory, spooled) = (memory.max(fill.memory), spooled.max(fill.spooled));
        }
        let start = cpu();
        let sealed = sink.seal().await.unwrap();
        *spent.entry("seal").or_default() += cpu() - start;
        for file in &sealed {
            store.complete(&file.key, &file.ticket).await.unwrap();
        }
        let bytes: u64 = sealed.iter().map(|file| file.ticket.bytes).sum();
        let per_gb = (spent["write"] + spent["seal"]) * 200_000.0 / (total / rows * rows) as f64;
        println!("{} files, {bytes} bytes, raw {raw}, counted peak {memory}, spooled {spooled}", sealed.len());
        println!("{spent:?}: {per_gb:.3} CPU seconds for 200,000 rows; {}", status("VmHWM"));
    });
}
