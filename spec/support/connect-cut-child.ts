import * as net from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Slot } from '../../lib/cluster/slot';
import { ClosedError } from '../../lib/errors';
import { resolveClientOptions } from '../../lib/options';
import { tcpTransport } from '../../lib/network/tcp';
import { realRuntime } from '../../lib/runtime';
import { Echo, echoed } from '../network/fake-broker';
import { scriptedKafka } from './scripted-kafka';

// Connects, asks and is cut, again and again, and reports what is left of it after garbage collections.

const { cycles, samples } = JSON.parse(process.argv.at(-1)!) as { readonly cycles: number; readonly samples: number };
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Everything that would pile up if a cycle left it behind. */
interface Sample {
  readonly cycle: number;
  readonly heapBytes: number;
  readonly handles: number;
  readonly listeners: number;
}

const taken: Sample[] = [];
const sockets = new Set<net.Socket>();
const server = net.createServer(socket => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => undefined);
  // Half of a reply to the second request, then the end: by RST and by FIN in turn.
  let asked = 0;
  scriptedKafka((_, { correlationId }) => {
    asked += 1;
    if (asked === 1) socket.write(echoed(correlationId, 1));
    else {
      socket.write(echoed(correlationId, 2).subarray(0, 9));
      if (cycle % 2 === 0) socket.resetAndDestroy();
      else socket.end();
    }
  })(socket, 1);
});
let cycle = 0;

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as net.AddressInfo;
  const client = resolveClientOptions(
    { brokers: `127.0.0.1:${port}`, reconnectBackoffMs: 1, reconnectBackoffMaxMs: 1 },
    { runtime: realRuntime, transport: tcpTransport },
  );
  const slot = new Slot({ host: '127.0.0.1', port }, 'client', 'client', {
    client,
    emit: () => undefined,
    onStatus: () => undefined,
    onLost: () => undefined,
  });
  const next = (): void => {
    if (cycle % (cycles / samples) === 0) setImmediate(sample);
    if (cycle === cycles) {
      setImmediate(() => finish(slot));
      return;
    }
    slot.acquire().subscribe({
      next: connection => {
        connection.request(Echo, { text: '' }).subscribe({ error: fail });
        connection.request(Echo, { text: '' }).subscribe({
          next: fail,
          error: () => {
            cycle += 1;
            next();
          },
        });
      },
      // The peer was too quick with its end.
      error: next,
    });
  };
  next();
});

function sample(): void {
  collect();
  collect();
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const handles = process.getActiveResourcesInfo().filter(name => name.startsWith('TCPSocket')).length;
  taken.push({ cycle, heapBytes: process.memoryUsage().heapUsed, handles, listeners });
}

function finish(slot: Slot): void {
  slot.close(new ClosedError('done'));
  for (const socket of sockets) socket.destroy();
  server.close();
  process.stdout.write(`${JSON.stringify(taken)}\n`);
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}
