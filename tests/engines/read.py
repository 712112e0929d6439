"""Asks one engine about a lake and prints the answers as one JSON array.

    read.py ENGINE LAKE QUERY...

ENGINE is duckdb, pyarrow or spark. Every table of the lake (a folder whose name does not begin with `_` or `.`) has its
own name. QUERY is one of

    count:TABLE              the number of rows
    schema:TABLE             [[column, type in the engine's words], ...], without the partition column `day`
    rows:TABLE:A,B:C,D       {"columns", "rows"}: columns A and B, sorted by C and D, nulls first
    sql:QUERY                {"columns", "types", "rows"} (not with pyarrow)

Times are ISO text in UTC with six digits and no zone, bytes are hexadecimal, structs are objects, lists are arrays.
"""

import datetime
import decimal
import json
import os
import sys


def plain(value):
    """`value` as JSON can hold it."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            raise TypeError("a time with a zone: the lake's times have none")
        return value.isoformat(timespec="microseconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if hasattr(value, "asDict"):  # a Row of Spark
        return {key: plain(inner) for key, inner in value.asDict().items()}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def tables_of(lake):
    return [
        name
        for name in sorted(os.listdir(lake))
        if name[0] not in "._" and os.path.isdir(os.path.join(lake, name))
    ]


def quoted(columns, mark, suffix=""):
    return ", ".join(f"{mark}{column}{mark}{suffix}" for column in columns)


class Sql:
    """What DuckDB and Spark have in common; they differ in how text is run and in the mark around a name."""

    def count(self, table):
        return self.run(f"SELECT count(*) FROM {table}")[2][0][0]

    def schema(self, table):
        columns, types, _ = self.run(f"SELECT * FROM {table} LIMIT 0")
        return [[name, kind] for name, kind in zip(columns, types) if name != "day"]

    def rows(self, table, columns, order):
        query = f"SELECT {quoted(columns, self.mark)} FROM {table}"
        if order:
            query += f" ORDER BY {quoted(order, self.mark, ' NULLS FIRST')}"
        names, _, rows = self.run(query)
        return {"columns": names, "rows": rows}

    def sql(self, query):
        columns, types, rows = self.run(query)
        return {"columns": columns, "types": types, "rows": rows}


class DuckDb(Sql):
    mark = '"'

    def __init__(self, lake):
        import duckdb

        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET TimeZone = 'UTC'")
        for table in tables_of(lake):
            files = os.path.join(lake, table, "*", "*.parquet").replace("'", "''")
            self.connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)"
            )

    def run(self, query):
        answer = self.connection.execute(query)
        columns = [column[0] for column in answer.description]
        types = [str(column[1]) for column in answer.description]
        return columns, types, answer.fetchall()


class Spark(Sql):
    mark = "`"

    def __init__(self, lake):
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[1]").appName("tributary-tests")
        for key, value in {
            "spark.ui.enabled": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.catalogImplementation": "in-memory",
        }.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")
        for table in tables_of(lake):
            self.session.read.parquet(os.path.join(lake, table)).createOrReplaceTempView(table)

    def run(self, query):
        answer = self.session.sql(query)
        types = [field.dataType.simpleString() for field in answer.schema.fields]
        return answer.columns, types, [list(row) for row in answer.collect()]


class PyArrow:
    def __init__(self, lake):
        import pyarrow.dataset

        self.tables = {
            table: pyarrow.dataset.dataset(os.path.join(lake, table), format="parquet", partitioning="hive")
            for table in tables_of(lake)
        }

    def count(self, table):
        return self.tables[table].count_rows()

    def schema(self, table):
        return [[field.name, str(field.type)] for field in self.tables[table].schema if field.name != "day"]

    def rows(self, table, columns, order):
        wanted = list(dict.fromkeys(columns + order))
        rows = self.tables[table].to_table(columns=wanted)
        if order:
            keys = [(column, "ascending") for column in order]
            rows = rows.take(sorted_indices(rows, keys))
        columns_of_rows = [rows.column(column).to_pylist() for column in columns]
        return {"columns": columns, "rows": [list(row) for row in zip(*columns_of_rows)]}

    def sql(self, query):
        raise NotImplementedError(f"pyarrow speaks no SQL: {query}")


def sorted_indices(rows, keys):
    import pyarrow.compute

    return pyarrow.compute.sort_indices(rows, sort_keys=keys, null_placement="at_start")


ENGINES = {"duckdb": DuckDb, "pyarrow": PyArrow, "spark": Spark}


def answer(engine, query):
    verb, _, rest = query.partition(":")
    if verb == "rows":
        table, columns, order = rest.split(":")
        return engine.rows(table, columns.split(","), [column for column in order.split(",") if column])
    return {"count": engine.count, "schema": engine.schema, "sql": engine.sql}[verb](rest)


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ENGINES:
        sys.exit(__doc__)
    engine = ENGINES[sys.argv[1]](sys.argv[2])
    json.dump([plain(answer(engine, query)) for query in sys.argv[3:]], sys.stdout)
    print()


if __name__ == "__main__":
    main()
