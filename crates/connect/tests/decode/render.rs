//! Arrow rows as JSON values.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use serde_json::{Map, Value, json};
use tributary_core::Timestamp;

/// Each row as an object of its columns.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<Value> {
    let row = |index: usize| {
        let columns = batch.schema_ref().fields().iter().zip(batch.columns());
        Value::Object(columns.map(|(field, column)| (field.name().clone(), value(column.as_ref(), index))).collect())
    };
    (0..batch.num_rows()).map(row).collect()
}

fn value(column: &dyn Array, index: usize) -> Value {
    if column.is_null(index) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => json!(column.as_string::<i32>().value(index)),
        DataType::Boolean => json!(column.as_boolean().value(index)),
        DataType::Int32 => json!(column.as_primitive::<Int32Type>().value(index)),
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(index)),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(index)),
        DataType::Timestamp(..) => {
            json!(Timestamp::from_micros(column.as_primitive::<TimestampMicrosecondType>().value(index)).to_string())
        }
        DataType::Dictionary(..) => {
            let coded = column.as_any_dictionary();
            value(coded.values().as_ref(), coded.normalized_keys()[index])
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(index);
            Value::Array((0..list.len()).map(|element| value(list.as_ref(), element)).collect())
        }
        DataType::Struct(_) => {
            let structs = column.as_struct();
            let members = structs.fields().iter().zip(structs.columns());
            Value::Object(
                members
                    .map(|(field, column)| (field.name().clone(), value(column.as_ref(), index)))
                    .collect::<Map<_, _>>(),
            )
        }
        DataType::Map(..) => {
            let entries = column.as_map().value(index);
            let entry =
                |at: usize| (entries.column(0).as_string::<i32>().value(at).to_owned(), value(entries.column(1), at));
            Value::Object((0..entries.len()).map(entry).collect())
        }
        other => panic!("no column has the type {other}"),
    }
}
