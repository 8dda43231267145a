"""Produces records given as JSON on standard input, or prints all records of a topic as JSON. Bytes are base64."""
import asyncio
import base64
import json
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PATIENCE_S = 30


def decode(text):
    return None if text is None else base64.b64decode(text)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


async def produce(brokers, topic, compression):
    compression_type = None if compression == "none" else compression
    producer = AIOKafkaProducer(bootstrap_servers=brokers, enable_idempotence=True, compression_type=compression_type)
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic,
                key=decode(record["key"]),
                value=decode(record["value"]),
                partition=record.get("partition"),
                headers=[(name, decode(value)) for name, value in record["headers"]],
            )
            for record in json.load(sys.stdin)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def consume(brokers, topic, partition_count, expected):
    """Reads until there are as many records as expected, and then whatever else there is; gives up after a while with fewer."""
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, p) for p in range(int(partition_count))]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        records = []
        deadline = time.monotonic() + PATIENCE_S
        while len(records) < int(expected) and time.monotonic() < deadline:
            records += await next_records(consumer)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(p) < ends[p] for p in partitions]):
            records += await next_records(consumer)
        records.sort(key=lambda record: (record.partition, record.offset))
        print(json.dumps([describe(record) for record in records]))
    finally:
        await consumer.stop()


async def next_records(consumer):
    return [record for batch in (await consumer.getmany(timeout_ms=200)).values() for record in batch]


def describe(record):
    return {
        "partition": record.partition,
        "offset": record.offset,
        "key": encode(record.key),
        "value": encode(record.value),
        "headers": [[name, encode(value)] for name, value in record.headers],
    }


action, *arguments = sys.argv[1:]
asyncio.run({"produce": produce, "consume": consume}[action](*arguments))
