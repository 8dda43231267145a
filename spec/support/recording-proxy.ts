import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A request as it was sent and the response as it came, each without the length in front. */
export interface Exchange {
  readonly apiKey: number;
  readonly version: number;
  readonly request: Buffer;
  /** None where the client wanted none, or had gone. */
  response: Buffer | undefined;
}

export interface RecordingProxy {
  /** The addresses to give to a client: it stays with the proxy whatever the metadata of the brokers say. */
  readonly brokers: string;
  readonly exchanges: readonly Exchange[];
  close(): Promise<void>;
}

/** What a broker calls itself in its responses, as host and port follow each other there, and where we listen for it. */
interface Alias {
  readonly theirs: Buffer;
  readonly ours: Buffer;
}

/**
 * Stands between a client and each of the brokers and keeps every frame. Responses are changed in one thing, after they
 * were recorded: the ports of the brokers are replaced by those of the proxy, a host and port being the same bytes in all
 * versions. So nothing here depends on how a message is read.
 */
export async function startRecordingProxy(brokers: string): Promise<RecordingProxy> {
  const exchanges: Exchange[] = [];
  const sockets = new Set<Socket>();
  const aliases: Alias[] = [];
  const servers: Server[] = [];
  for (const address of brokers.split(',')) {
    const [host, port] = address.split(':') as [string, string];
    const server = createServer({ noDelay: true }, client => {
      const broker = connect({ host, port: Number(port), noDelay: true });
      relay(client, broker, exchanges, aliases);
      for (const socket of [client, broker]) {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    aliases.push({
      theirs: hostAndPort(host, Number(port)),
      ours: hostAndPort(host, (server.address() as AddressInfo).port),
    });
  }
  return {
    brokers: servers.map(server => `127.0.0.1:${(server.address() as AddressInfo).port}`).join(),
    exchanges,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map(server => new Promise(closed => server.close(closed))));
    },
  };
}

function relay(client: Socket, broker: Socket, exchanges: Exchange[], aliases: readonly Alias[]): void {
  const waiting = new Map<number, Exchange>();
  client.on(
    'data',
    framesOf(frame => {
      const exchange: Exchange = {
        apiKey: frame.readInt16BE(4),
        version: frame.readInt16BE(6),
        request: frame.subarray(4),
        response: undefined,
      };
      waiting.set(frame.readInt32BE(8), exchange);
      exchanges.push(exchange);
      broker.write(frame);
    }),
  );
  broker.on(
    'data',
    framesOf(frame => {
      const exchange = waiting.get(frame.readInt32BE(4));
      if (exchange !== undefined) exchange.response = Buffer.from(frame.subarray(4));
      for (const alias of aliases) rename(frame, alias);
      client.write(frame);
    }),
  );
  for (const [one, other] of [
    [client, broker],
    [broker, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('end', () => other.end());
    one.on('close', () => other.destroy());
  }
}

/** Calls `use` with each whole frame, its length included, in a buffer of its own. */
function framesOf(use: (frame: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let received = 0;
  return chunk => {
    chunks.push(chunk);
    received += chunk.length;
    // A long frame is put together once, not at each chunk.
    if (chunks[0]!.length >= 4 && received < 4 + chunks[0]!.readInt32BE(0)) return;
    let rest: Buffer = Buffer.concat(chunks);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      use(Buffer.from(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
    chunks = rest.length === 0 ? [] : [rest];
    received = rest.length;
  };
}

function rename(frame: Buffer, { theirs, ours }: Alias): void {
  for (let at = frame.indexOf(theirs); at >= 0; at = frame.indexOf(theirs, at + 1)) ours.copy(frame, at);
}

function hostAndPort(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(host.length + 4);
  bytes.write(host);
  bytes.writeInt32BE(port, host.length);
  return bytes;
}
