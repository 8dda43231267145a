import type { Socket } from 'node:net';
import { frame, versionsOf, type Offer, type SeenRequest } from '../network/fake-broker';
import type { Serve } from './loopback';

// A broker as a script, byte by byte: nothing here encodes with the code under test.

/** Calls back for each request that arrives whole. */
export function onRequests(socket: Socket, handle: (request: SeenRequest) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', chunk => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const request = rest;
      rest = rest.subarray(4 + rest.readInt32BE(0));
      handle({ key: request.readInt16BE(4), version: request.readInt16BE(6), correlationId: request.readInt32BE(8) });
    }
  });
}

export const PRODUCE = 0;
const METADATA = 3;
const HEARTBEAT = 12;
const API_VERSIONS = 18;

/** Enough for a connection (Echo, 900), and for a client that asks for metadata and sends heartbeats: no flexible version. */
export const SCRIPTED_APIS: readonly Offer[] = [
  [METADATA, 7, 7],
  [HEARTBEAT, 3, 3],
  [API_VERSIONS, 0, 5],
  [900, 0, 3],
];

export interface ScriptedKafkaOptions {
  readonly apis?: readonly Offer[];
  /** Where its only node is to be found. [where it was asked] */
  readonly node?: () => { readonly host: string; readonly port: number };
  /** Topics of one partition each, led by node 0. */
  readonly topics?: readonly string[];
}

/** Answers ApiVersions and Metadata (of node 0); all else is left to `handle`. */
export function scriptedKafka(
  handle: (socket: Socket, request: SeenRequest) => void,
  options: ScriptedKafkaOptions = {},
): Serve {
  return socket =>
    onRequests(socket, request => {
      const { key, version, correlationId } = request;
      if (key === API_VERSIONS) socket.write(versionsOf(correlationId, version, options.apis ?? SCRIPTED_APIS));
      else if (key === METADATA) {
        const node = options.node?.() ?? { host: '127.0.0.1', port: socket.localPort! };
        socket.write(metadata(correlationId, version, node, options.topics));
      } else handle(socket, request);
    });
}

/** A response to Metadata v7 or v8. */
export function metadata(
  correlationId: number,
  version: number,
  { host, port }: { readonly host: string; readonly port: number },
  topics: readonly string[] = [],
): Buffer {
  if (version > 8) throw new Error('versions from 9 on are flexible');
  const operations = version >= 8 ? [int(-2147483648)] : [];
  return frame(
    correlationId,
    Buffer.concat([
      int(0), // throttle time
      ...[int(1), int(0), text(host), int(port), short(-1)], // brokers
      ...[text('scripted'), int(0)], // cluster, controller
      int(topics.length),
      ...topics.flatMap(name => [
        ...[short(0), text(name), Buffer.from([0])],
        ...[int(1), short(0), int(0), int(0), int(1), int(1), int(0), int(1), int(0), int(0)], // its only partition
        ...operations,
      ]),
      ...operations,
    ]),
  );
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([short(Buffer.byteLength(value)), Buffer.from(value)]);
}
