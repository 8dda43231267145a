import { firstValueFrom } from 'rxjs';
import { Echo, echoed, versionsOf } from '../network/fake-broker';
import { Loopback } from '../support/loopback';
import { print } from '../support/print';
import { onRequests, scriptedKafka } from '../support/scripted-kafka';

// The brokers are in this process, so their replies lie in the kernel's buffers before the event loop stops.

const HEARTBEAT = 12;

const full = process.env['KAFKA_RX_FULL'] === 'true';
const STALLS_MS = full ? [300, 10_000, 40_000] : [300];
const PHASES = ['poll', 'check'] as const;

function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Blocks the event loop from inside a socket's callback, or right after the sockets were looked at. */
function stallIn(phase: (typeof PHASES)[number], ms: number): void {
  if (phase === 'poll') stall(ms);
  else setImmediate(() => stall(ms));
}

describe('A24 an event loop that is blocked', () => {
  let loopback: Loopback;
  beforeEach(() => (loopback = new Loopback()));
  afterEach(() => loopback.close());

  const cases = STALLS_MS.flatMap(ms => PHASES.map(phase => [phase, ms] as const));

  it.each(cases)(
    'A24 in the %s phase for %d ms, takes no reply for late that has arrived',
    async (phase, ms) => {
      const connections = 5;
      const each = 20;
      const waiting: (() => void)[] = [];
      const address = await loopback.listen(
        scriptedKafka((socket, { correlationId }) => {
          waiting.push(() => socket.write(echoed(correlationId, 7)));
          if (waiting.length < connections * each) return;
          for (const answer of waiting.splice(0)) answer();
          stallIn(phase, ms);
        }),
      );
      const opened = await Promise.all(Array.from({ length: connections }, () => loopback.open(address)));
      const timeoutMs = Math.min(100, ms / 3);
      const replies = opened.flatMap(({ connection }) =>
        Array.from({ length: each }, () =>
          firstValueFrom(connection.request(Echo, { text: '' }, { timeoutMs })).then(
            ({ code }) => code,
            (error: { readonly name: string }) => error.name,
          ),
        ),
      );
      const told = await Promise.all(replies);
      const right = told.filter(one => one === 7).length;
      print(
        `A24: blocked ${ms} ms in the ${phase} phase, deadlines of ${timeoutMs} ms: ${right} of ${told.length} replies taken`,
      );
      expect(told).toEqual(new Array(connections * each).fill(7));
      expect(opened.map(({ connection }) => connection.connected)).toEqual(new Array(connections).fill(true));
    },
    120_000,
  );

  it.each(cases)(
    'A24 in the %s phase for %d ms, does not give up a set-up that was answered',
    async (phase, ms) => {
      const address = await loopback.listen(socket =>
        onRequests(socket, ({ version, correlationId }) => {
          socket.write(versionsOf(correlationId, version));
          stallIn(phase, ms);
        }),
      );
      const { connection } = await loopback.open(address, { connectTimeoutMs: ms / 3 });
      expect(connection.connected).toBe(true);
    },
    120_000,
  );

  // The patience of the call as a whole used to end before the socket was read.
  it.each(cases)(
    'A24 in the %s phase for %d ms, does not fail a call of the client',
    async (phase, ms) => {
      const address = await loopback.listen(
        scriptedKafka((socket, { key, correlationId }) => {
          if (key !== HEARTBEAT) return;
          socket.write(echoed(correlationId, 0));
          stallIn(phase, ms);
        }),
      );
      const { events, ask } = loopback.client([address], { requestTimeoutMs: Math.max(150, ms / 3) });
      expect(await ask()).toMatchObject({ errorCode: 0 });
      // The connection to the bootstrap address is given up once the broker is known.
      const bad = events.filter(
        event => event.type === 'retry' || (event.type === 'disconnected' && event.reason !== 'shutdown'),
      );
      expect(bad).toEqual([]);
    },
    120_000,
  );
});
