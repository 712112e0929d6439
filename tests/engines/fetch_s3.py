"""Copies what a reader sees of a lake in S3 into a folder.

    fetch_s3.py ENDPOINT KEY SECRET BUCKET/PREFIX FOLDER

Objects of folders whose names begin with `_` or `.` are left out, as engines do.
"""

import os
import sys

from pyarrow import fs


def main(endpoint, key, secret, place, folder):
    scheme, address = endpoint.split("://")
    store = fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=address, scheme=scheme, region="us-east-1")
    for found in store.get_file_info(fs.FileSelector(place, recursive=True)):
        name = found.path[len(place) + 1 :]
        if not found.is_file or name[0] in "._":
            continue
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with store.open_input_file(found.path) as source, open(path, "wb") as copy:
            copy.write(source.read())


main(*sys.argv[1:])
