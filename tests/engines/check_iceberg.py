"""Checks that Iceberg can take a Parquet file as it is: every column, list element and struct member has a field id.

    check_iceberg.py FILE

pyarrow reads the schema, pyiceberg turns it into its own with no name mapping to fall back on: it refuses a field
without an id. Prints {"columns": number of columns, "ids": [every id], "schema": the schema of Iceberg as text}; a file
that Iceberg refuses ends it with status 1 and the reason on stderr.
"""

import json
import sys

import pyarrow.parquet
from pyiceberg.io.pyarrow import pyarrow_to_schema


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    arrow = pyarrow.parquet.read_schema(sys.argv[1])
    try:
        schema = pyarrow_to_schema(arrow, name_mapping=None)
    except ValueError as refusal:
        sys.exit(f"{sys.argv[1]}: {refusal}")
    ids = sorted(schema.field_ids)
    json.dump({"columns": len(schema.fields), "ids": ids, "schema": str(schema)}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
