import { Subject } from 'rxjs';
import { memoryTransport } from '../../lib/testing/memory-transport';
import type { ServerSocket } from '../../lib/testing/server-socket';
import { runVirtual } from '../../lib/testing/virtual';
import type { ByteStream } from '../../lib/types';

/** Both ends of a connection, and what each of them sees, in order. */
function connected(
  work: (ends: {
    client: ByteStream;
    server: ServerSocket;
    seen: string[];
    close(): void;
    turn(work: () => void): void;
  }) => void,
): string[] {
  const seen: string[] = [];
  runVirtual(({ runtime }) => {
    let server!: ServerSocket;
    const transport = memoryTransport(runtime, (_host, _port, open) => {
      server = open();
      server.received.subscribe({
        next: chunk => seen.push(`broker got ${chunk.length}`),
        complete: () => seen.push('broker: gone'),
      });
      return undefined;
    });
    const connection = transport({ host: 'any', port: 1 }, undefined).subscribe({
      next(client) {
        connection.add(client.received.subscribe(chunk => seen.push(`client got ${chunk.length}`)));
        connection.add(client.writable.subscribe(writable => seen.push(`writable ${writable}`)));
        work({
          client,
          server,
          seen,
          close: () => connection.unsubscribe(),
          turn: then => void runtime.scheduler.schedule(then, 1),
        });
      },
      error: error => seen.push(`error ${error.code}`),
      complete: () => seen.push('completed'),
    });
  });
  return seen;
}

describe('memoryTransport', () => {
  it('delivers nothing inside write, and everything in order', () => {
    const seen = connected(({ client, server, seen }) => {
      client.write([Buffer.alloc(3), Buffer.alloc(4)]);
      server.write([Buffer.alloc(5)]);
      seen.push('written');
    });
    expect(seen).toEqual(['writable true', 'written', 'broker got 7', 'client got 5']);
  });

  it('copies what is written, so that the writer may use its buffers again', () => {
    const bytes = Buffer.from('before');
    const got: string[] = [];
    connected(({ client, server }) => {
      server.received.subscribe(chunk => got.push(String(chunk)));
      client.write([bytes]);
      bytes.write('after!');
    });
    expect(got).toEqual(['before']);
  });

  it('delivers to the client in the pieces of a socket', () => {
    const seen = connected(({ server }) => server.write([Buffer.alloc(150_000)]));
    expect(seen.slice(1)).toEqual(['client got 65536', 'client got 65536', 'client got 18928']);
  });

  it('pushes back on a client that is ahead', () => {
    const seen = connected(({ client }) => client.write([Buffer.alloc(1_200_000)]));
    expect(seen).toEqual(['writable true', 'writable false', 'broker got 1200000', 'writable true']);
  });

  it('holds bytes back while the broker is muted', () => {
    const seen = connected(({ client, server, turn, seen }) => {
      server.mute(true);
      client.write([Buffer.alloc(3)]);
      turn(() => {
        seen.push('unmuted');
        server.mute(false);
      });
    });
    expect(seen).toEqual(['writable true', 'unmuted', 'broker got 3']);
  });

  test.each([
    ['end', 'completed'],
    ['reset', 'error ECONNRESET'],
  ] as const)('ends with %s behind what the broker wrote', (how, outcome) => {
    const seen = connected(({ server }) => {
      server.write([Buffer.alloc(5)]);
      server[how]();
    });
    expect(seen).toEqual(['writable true', 'client got 5', 'broker: gone', outcome]);
  });

  it('lets the broker have what was written before the client closed, and the client nothing more', () => {
    const seen = connected(({ client, server, close }) => {
      client.write([Buffer.alloc(3)]);
      server.write([Buffer.alloc(5)]);
      close();
    });
    expect(seen).toEqual(['writable true', 'broker got 3', 'broker: gone']);
  });

  it('does not connect when unsubscribed before its turn', () => {
    const accepted = new Subject<void>();
    const seen: unknown[] = [];
    accepted.subscribe(() => seen.push('accepted'));
    runVirtual(({ runtime }) => {
      const transport = memoryTransport(runtime, () => void accepted.next());
      transport({ host: 'any', port: 1 }, undefined).subscribe().unsubscribe();
    });
    expect(seen).toEqual([]);
  });

  it('errors like a socket when nobody is there', () => {
    const seen: unknown[] = [];
    runVirtual(({ runtime }) => {
      const transport = memoryTransport(runtime, () => 'ECONNREFUSED');
      transport({ host: 'nowhere', port: 1 }, undefined).subscribe({
        error: ({ code, message }) => seen.push(code, message),
      });
    });
    expect(seen).toEqual(['ECONNREFUSED', 'connect ECONNREFUSED nowhere:1']);
  });
});
