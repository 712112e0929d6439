"""A topic of Kafka into Parquet files in a folder by mq-bridge, as far as the topic goes.

    bench_mq_bridge.py BROKERS TOPIC FOLDER

It makes a file of every batch, with the documents' own fields as columns; it neither flattens nor sorts, and knows no days
of events. Prints how many rows and files there are.
"""

import sys
import uuid
from pathlib import Path

import mq_bridge

# Events in a file; by default 512.
BATCH = 8_192


def main(brokers, topic, folder):
    route = mq_bridge.Route.from_config({
        "input": {
            "kafka": {
                "url": brokers,
                "topic": topic,
                "group_id": str(uuid.uuid4()),
                "consumer_options": [["auto.offset.reset", "earliest"]],
            }
        },
        "output": {"object_store": {"url": Path(folder).absolute().as_uri(), "format": "parquet"}},
        "batch_size": BATCH,
        "exit_on_empty": True,
    })
    route.start()
    route.join()
    files = list(Path(folder).rglob("*.parquet"))
    print(len(files), "files,", sum(file.stat().st_size for file in files), "bytes")


main(*sys.argv[1:])
