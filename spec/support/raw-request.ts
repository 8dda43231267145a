import { once } from 'node:events';
import { connect } from 'node:net';

/** A part of a request: `short` and `int` are big-endian numbers, a string is a STRING of the old encoding. */
type Part = { readonly short: number } | { readonly int: number } | { readonly byte: number } | string;

/**
 * One request over its own socket, encoded by hand: what the test set-up says to a broker must not depend on the
 * client that the tests are about. Gives the response behind the correlation id.
 */
export async function rawRequest(
  address: string,
  apiKey: number,
  version: number,
  body: readonly Part[],
  timeoutMs = 5_000,
): Promise<Buffer> {
  const [host, port] = address.split(':');
  const head: Part[] = [{ short: apiKey }, { short: version }, { int: CORRELATION_ID }, 'kafka-rx-support'];
  const request = Buffer.concat([...head, ...body].map(encode));
  const socket = connect({ host: host!, port: Number(port) });
  const timer = setTimeout(() => socket.destroy(new Error(`${address} did not answer in ${timeoutMs} ms`)), timeoutMs);
  try {
    await once(socket, 'connect');
    socket.write(Buffer.concat([encode({ int: request.length }), request]));
    let received: Buffer = Buffer.alloc(0);
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) continue;
      if (received.readInt32BE(4) !== CORRELATION_ID) throw new Error(`${address} answered another request`);
      return received.subarray(8, 4 + received.readInt32BE(0));
    }
    throw new Error(`${address} closed the connection`);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

const CORRELATION_ID = 7;

function encode(part: Part): Buffer {
  if (typeof part === 'string') {
    const text = Buffer.from(part);
    return Buffer.concat([encode({ short: text.length }), text]);
  }
  const bytes = Buffer.alloc('int' in part ? 4 : 'short' in part ? 2 : 1);
  if ('int' in part) bytes.writeInt32BE(part.int);
  else if ('short' in part) bytes.writeInt16BE(part.short);
  else bytes.writeInt8(part.byte);
  return bytes;
}

/** ApiVersions v0: the version range of each api key. */
export async function apiVersions(address: string): Promise<ReadonlyMap<number, readonly [number, number]>> {
  const response = await rawRequest(address, 18, 0, []);
  const error = response.readInt16BE(0);
  if (error !== 0) throw new Error(`ApiVersions answered error ${error}`);
  const count = response.readInt32BE(2);
  const ranges = new Map<number, readonly [number, number]>();
  for (let at = 6; at < 6 + 6 * count; at += 6) {
    ranges.set(response.readInt16BE(at), [response.readInt16BE(at + 2), response.readInt16BE(at + 4)]);
  }
  return ranges;
}

/** Metadata v0 without topics of interest: how many brokers are listed. */
export async function brokerCount(address: string): Promise<number> {
  return (await rawRequest(address, 3, 0, [{ int: 1 }, '__no_such_topic'])).readInt32BE(0);
}

/** CreateTopics v2, one topic of one partition: the error code. */
export async function createTopic(address: string, topic: string, replicationFactor: number): Promise<number> {
  const spec: Part[] = [topic, { int: 1 }, { short: replicationFactor }, { int: 0 }, { int: 0 }];
  const body: Part[] = [{ int: 1 }, ...spec, { int: 10_000 }, { byte: 0 }];
  const response = await rawRequest(address, 19, 2, body, 15_000);
  return response.readInt16BE(8 + 2 + Buffer.byteLength(topic));
}

/** DeleteTopics v1, one topic: the error code. */
export async function deleteTopic(address: string, topic: string): Promise<number> {
  const response = await rawRequest(address, 20, 1, [{ int: 1 }, topic, { int: 10_000 }], 15_000);
  return response.readInt16BE(8 + 2 + Buffer.byteLength(topic));
}
