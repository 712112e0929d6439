"""Tells what becomes readable in a table of a lake: each event's id, a line, once its file was read.

    watch_lake.py FOLDER
    watch_lake.py BUCKET/PREFIX ENDPOINT KEY SECRET

Says `ready` first. Lists the table twenty times a second, or as often as it can, until it is killed.
"""

import sys
import time

from pyarrow import fs, parquet

LOOK = 0.05


def store_of(endpoint=None, key=None, secret=None):
    if endpoint is None:
        return fs.LocalFileSystem()
    scheme, address = endpoint.split("://")
    return fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=address, scheme=scheme, region="us-east-1")


def main(place, *server):
    store = store_of(*server)
    selector = fs.FileSelector(place, recursive=True, allow_not_found=True)
    store.get_file_info(selector)
    print("ready", flush=True)
    known = set()
    while True:
        began = time.monotonic()
        for found in store.get_file_info(selector):
            if found.path in known or not found.path.endswith(".parquet"):
                continue
            with store.open_input_file(found.path) as file:
                ids = parquet.ParquetFile(file).read(columns=["event_id"]).column(0).to_pylist()
            known.add(found.path)
            print("\n".join(ids), flush=True)
        time.sleep(max(0, began + LOOK - time.monotonic()))


main(*sys.argv[1:])
