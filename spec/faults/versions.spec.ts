import { firstValueFrom } from 'rxjs';
import { apis } from '../../lib';
import { echoed, versionsOf, type Offer, type SeenRequest } from '../network/fake-broker';
import { Loopback, until } from '../support/loopback';
import { print } from '../support/print';
import { SCRIPTED_APIS, metadata, onRequests, scriptedKafka } from '../support/scripted-kafka';

// Brokers that speak other versions than they did before. On real sockets of the loopback interface.

const loopback = new Loopback();
afterEach(() => loopback.close());

const UNSUPPORTED_VERSION = 35;
const API_VERSIONS = 18;

/** What a broker offers, with another range for Heartbeat. */
const withHeartbeat = (min: number, max: number): readonly Offer[] => [
  ...SCRIPTED_APIS.filter(([key]) => key !== 12),
  [12, min, max],
];

describe('A29 a broker that was up- or downgraded between two connections', () => {
  it('is asked for its versions on each connection anew, and then spoken to in the newest that both know', async () => {
    const rollout = [withHeartbeat(0, 3), withHeartbeat(0, 2), withHeartbeat(1, 3), withHeartbeat(2, 2)];
    let step = 0;
    const asked: SeenRequest[] = [];
    const broker = await loopback.listen((socket, nth) =>
      scriptedKafka(
        (peer, request) => {
          asked.push(request);
          peer.write(echoed(request.correlationId, 0));
        },
        { apis: rollout[step]! },
      )(socket, nth),
    );
    const { ask, events } = loopback.client([broker], { reconnectBackoffMaxMs: 1, retryBackoffMs: 1 });
    for (step = 0; step < rollout.length; step += 1) {
      await ask();
      // The broker restarts: its connections go, those that come find another version.
      const seen = events.filter(({ type }) => type === 'disconnected').length;
      for (const socket of loopback.accepted) if (!socket.destroyed) socket.resetAndDestroy();
      await until('the loss is noticed', () => events.filter(({ type }) => type === 'disconnected').length > seen);
    }
    const versions = asked.map(({ version }) => version);
    print(`A29: Heartbeat over ${rollout.length} restarts in versions ${versions.join(', ')}`);
    expect(versions).toEqual([3, 2, 3, 2]);
  });

  it('that has lost an API makes its requests fail with a typed error, and no others', async () => {
    let downgraded = false;
    const broker = await loopback.listen((socket, nth) =>
      scriptedKafka((peer, { correlationId }) => peer.write(echoed(correlationId, 0)), {
        apis: downgraded ? withHeartbeat(0, 1) : SCRIPTED_APIS,
      })(socket, nth),
    );
    const { ask, kafka, events } = loopback.client([broker], { reconnectBackoffMaxMs: 1, retryBackoffMs: 1 });
    await ask();
    downgraded = true;
    for (const socket of loopback.accepted) if (!socket.destroyed) socket.resetAndDestroy();
    await until('the loss is noticed', () =>
      events.some(event => event.type === 'disconnected' && event.reason === 'broken'),
    );
    const started = performance.now();
    const error: any = await ask().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'UnsupportedVersionError', retriable: false });
    // Both sides are named, so that the reader sees which one is too old.
    expect(error.message).toMatch(
      /Heartbeat .*127\.0\.0\.1:\d+.* the broker speaks versions 0-1, this client versions 2-4/,
    );
    expect(performance.now() - started).toBeLessThan(1_000);
    await firstValueFrom(kafka.request(apis.Metadata!, { topics: [] }, { nodeId: 0 }));
    print(`A29: an API that was lost is a typed error after ${(performance.now() - started).toFixed(0)} ms`);
  });
});

describe('A29 error 35 UNSUPPORTED_VERSION as the answer to ApiVersions', () => {
  /** A broker that knows ApiVersions only up to `max`, and `lists` it or not when it is asked in a later version. */
  const older = (max: number, lists: boolean, asked: number[]) =>
    loopback.listen(socket =>
      onRequests(socket, ({ key, version, correlationId }) => {
        if (key === 3)
          return void socket.write(metadata(correlationId, version, { host: '127.0.0.1', port: socket.localPort! }));
        if (key !== API_VERSIONS) return void socket.write(echoed(correlationId, 0));
        asked.push(version);
        const own: Offer[] = [[API_VERSIONS, 0, max]];
        // The answer to a version that is not known is in version 0: nobody can read another one.
        if (version > max) socket.write(versionsOf(correlationId, 0, lists ? own : [], UNSUPPORTED_VERSION));
        else
          socket.write(
            versionsOf(correlationId, version, [...SCRIPTED_APIS.filter(([api]) => api !== API_VERSIONS), ...own]),
          );
      }),
    );

  it.each([
    ['lists what it knows', 3, true, [5, 3]],
    ['lists what it knows', 2, true, [5, 2]],
    ['lists nothing', 3, false, [5, 0]],
  ])('is asked once more on the same connection: a broker that %s up to %d', async (_, max, lists, expected) => {
    const asked: number[] = [];
    const { ask, events } = loopback.client([await older(max, lists, asked)]);
    await ask();
    print(`A29: error 35, ApiVersions asked in versions ${asked.slice(0, 2).join(', ')}`);
    expect(asked.slice(0, 2)).toEqual(expected);
    // No connection was lost on the way: only the bootstrap one was closed, by us.
    expect(events.filter(event => event.type === 'disconnected' && event.reason !== 'shutdown')).toEqual([]);
  });

  it('that comes again is a typed error that names the versions, and is not asked again in a hot loop', async () => {
    const asked: number[] = [];
    const broker = await loopback.listen(socket =>
      onRequests(socket, ({ version, correlationId }) => {
        asked.push(version);
        socket.write(versionsOf(correlationId, 0, [], UNSUPPORTED_VERSION));
      }),
    );
    const { error, ms } = await loopback.refusal(broker);
    expect(error).toMatchObject({ name: 'UnsupportedVersionError', retriable: false });
    expect(error.message).toContain('accepts none of the versions 0-5 of ApiVersions');
    expect(asked).toEqual([5, 0]);
    asked.length = 0;
    const { ask, events } = loopback.client([broker]);
    await expect(ask()).rejects.toMatchObject({ name: 'UnsupportedVersionError' });
    print(`A29: error 35 twice is a typed error after ${ms.toFixed(0)} ms`);
    const attempts = events.filter(({ type }) => type === 'disconnected').length;
    expect(attempts).toBeLessThanOrEqual(2);
  });
});
