"""Puts the files of a folder into a bucket, as somebody else's client does.

    put_s3.py ENDPOINT KEY SECRET FOLDER BUCKET/PREFIX
"""

import sys

from pyarrow import fs


def main(endpoint, key, secret, folder, place):
    scheme, address = endpoint.split("://")
    store = fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=address, scheme=scheme, region="us-east-1")
    fs.copy_files(folder, place, source_filesystem=fs.LocalFileSystem(), destination_filesystem=store)


main(*sys.argv[1:])
