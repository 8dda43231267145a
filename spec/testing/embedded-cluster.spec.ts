import { catchError, concatMap, endWith, map, merge, of, takeUntil, tap, timer, toArray } from 'rxjs';
import { Writer } from '../../lib/bytes/writer';
import { ApiVersions } from '../../lib/protocol/apis/api-versions';
import { Fetch } from '../../lib/protocol/apis/fetch';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { Produce } from '../../lib/protocol/apis/produce';
import { scanBatches } from '../../lib/records/batch-header';
import { buildBatch } from '../../lib/records/build-batch';
import { EmbeddedCluster } from '../../lib/testing/embedded-cluster';
import type { JournalEntry } from '../../lib/testing/broker';
import { inVirtualTime, type Wire } from './in-virtual-time';
import { rawClient } from './raw-client';

const all = { topics: null };

/** How a connection ends on which these bytes are sent, and when. */
function ending({ connect, now }: Wire, bytes: Buffer) {
  return connect().pipe(
    tap(client => client.write(bytes)),
    map(() => 'connected'),
    catchError(error => of(error.code)),
    endWith('ended'),
    map(what => [what, now()]),
    toArray(),
  );
}

function frame(write: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  const at = writer.reserveInt32();
  write(writer);
  writer.patchInt32(at, writer.length - 4);
  return writer.toBuffer();
}

function header(writer: Writer, key: number, version: number): void {
  writer.int16(key);
  writer.int16(version);
  writer.int32(1);
  writer.int16(-1);
}

describe('EmbeddedCluster', () => {
  it('keeps a journal of requests as the brokers decoded them', () => {
    inVirtualTime({ brokers: 2 }, ({ ask, cluster }) => {
      const journal: JournalEntry[] = [];
      cluster.requests.subscribe(entry => journal.push(entry));
      return ask(Metadata, 12, { topics: [{ name: 't' }] }, 2).pipe(
        tap(() =>
          expect(journal).toMatchObject([
            { at: 0, broker: 2, api: 'Metadata', version: 12, clientId: 'raw', body: { topics: [{ name: 't' }] } },
          ]),
        ),
      );
    });
  });

  test.each([
    ['an API that it does not serve', frame(writer => header(writer, 11, 5))],
    ['a version that it does not serve', frame(writer => header(writer, 3, 99))],
    ['Produce below version 3, advertised though it is', frame(writer => header(writer, 0, 2))],
    ['a request that is cut short', frame(writer => header(writer, 3, 12))],
    ['a length that no request has', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('hangs up on %s', (_title, bytes) => {
    inVirtualTime({}, wire =>
      ending(wire, bytes).pipe(
        tap(seen =>
          expect(seen).toEqual([
            ['connected', 0],
            ['ended', 0],
          ]),
        ),
      ),
    );
  });

  it('answers an unknown version of ApiVersions in version 0, with the versions to ask in', () => {
    inVirtualTime({}, ({ connect }) =>
      connect().pipe(
        tap(client =>
          client.write(
            frame(writer => {
              header(writer, 18, 99);
              writer.int8(0);
            }),
          ),
        ),
        concatMap(client => timer(1).pipe(map(() => Buffer.concat(client.received)))),
        takeUntil(timer(10)),
        tap(answer => {
          expect(answer.toString('hex', 4)).toBe('00000001' + '0023' + '00000001' + '0012' + '0000' + '0005');
        }),
      ),
    );
  });

  it('cuts all connections of one broker, which takes new ones', () => {
    inVirtualTime({ brokers: 2 }, ({ connect, cluster, ask, now }) => {
      timer(5).subscribe(() => cluster.disconnect(1));
      return merge(
        ...[1, 1, 2].map((broker, index) =>
          connect(broker).pipe(
            map(() => `${index} connected`),
            catchError(error => of(`${index} ${error.code} at ${now()}`)),
          ),
        ),
      ).pipe(
        takeUntil(timer(20)),
        toArray(),
        tap(seen => expect(seen.slice(3)).toEqual(['0 ECONNRESET at 5', '1 ECONNRESET at 5'])),
        concatMap(() => ask(Metadata, 12, all, 1)),
      );
    });
  });

  it('drops a long poll with its connection', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ connect, cluster }) => {
      timer(5).subscribe(() => cluster.disconnect(1));
      cluster.fault({}, { delayMs: 50 });
      return connect().pipe(
        concatMap(client => client.request(Metadata, 12, all)),
        map(() => 'answered'),
        catchError(() => of('cut')),
        toArray(),
        tap(seen => expect(seen).toEqual(['cut'])),
      );
    });
  });

  it('refuses connections to a stopped broker until it starts again', () => {
    inVirtualTime({ brokers: 2 }, ({ ask, cluster, connect }) => {
      cluster.stop(1);
      return connect(1).pipe(
        map(() => 'connected'),
        catchError(error => of(error.code)),
        tap(how => expect(how).toBe('ECONNREFUSED')),
        tap(() => cluster.start(1)),
        concatMap(() => ask(Metadata, 12, all, 1)),
        tap(({ brokers }) => expect(brokers).toHaveLength(2)),
      );
    });
  });

  it('executes what arrived before the client went away', () => {
    const records = buildBatch([{ timestamp: 1, value: 'v' }]);
    inVirtualTime({ topics: { t: 1 } }, ({ connect, cluster }) => {
      const connection = connect().subscribe(client => {
        client
          .request(Produce, 12, {
            acks: -1,
            timeoutMs: 1,
            topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
          })
          .subscribe();
        connection.unsubscribe();
      });
      return timer(1).pipe(tap(() => expect(cluster.log('t', 0)).toHaveLength(1)));
    });
  });

  it('appends values, records and transactions, and reads them back', () => {
    const cluster = new EmbeddedCluster({ topics: { t: 1 } });
    cluster.append('t', 0, ['text', Buffer.from([1]), null], { compression: 'snappy' });
    cluster.append('t', 0, [{ key: 'k', value: 'v', timestamp: 5, headers: { h: 'x' } }], { transaction: 'committed' });
    const log = cluster.log('t', 0);
    expect(
      log.map(({ offset, key, value }) => [offset, key && String(key), value && value.toString('latin1')]),
    ).toEqual([
      [0n, null, 'text'],
      [1n, null, '\x01'],
      [2n, null, null],
      [3n, 'k', 'v'],
    ]);
    expect(log[3]!.timestamp).toBe(5);
    expect([...log[3]!.headers].map(([name, value]) => [name, String(value)])).toEqual([['h', 'x']]);
    // The marker takes an offset, too.
    cluster.append('t', 0, ['after']);
    expect(cluster.log('t', 0).at(-1)!.offset).toBe(5n);
  });

  it('splits what is too much for one batch', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ cluster, ask }) => {
      cluster.append(
        't',
        0,
        Array.from({ length: 50 }, () => Buffer.alloc(50_000)),
        { transaction: 'aborted' },
      );
      const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 9_000_000 }];
      return ask(Fetch, 12, { maxWaitMs: 0, minBytes: 0, topics: [{ topic: 't', partitions }] }).pipe(
        tap(({ responses }) => {
          const batches = scanBatches(responses[0]!.partitions[0]!.records!);
          expect(batches.map(({ recordCount, baseSequence }) => [recordCount, baseSequence])).toEqual([
            [19, 0],
            [19, 19],
            [12, 38],
            [1, -1],
          ]);
        }),
      );
    });
  });

  it('names what it does not have', () => {
    const cluster = new EmbeddedCluster({ topics: { t: 1 } });
    expect(() => cluster.append('t', 1, [])).toThrow('no partition t-1');
    expect(() => cluster.log('u', 0)).toThrow('no partition u-0');
    expect(() => cluster.stop(2)).toThrow('no broker 2');
    expect(() => cluster.createTopic('t')).toThrow('a topic t already');
    expect(() => cluster.deleteTopic('u')).toThrow('no topic u');
    expect(() => new EmbeddedCluster({ brokers: 0 })).toThrow('brokers must be a positive integer');
  });

  it('works in real time as well', done => {
    const { transport } = new EmbeddedCluster().options;
    const connection = rawClient(transport, 'embedded-1:9092')
      .pipe(concatMap(client => client.request(ApiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })))
      .subscribe(({ errorCode }) => {
        connection.unsubscribe();
        expect(errorCode).toBe(0);
        done();
      });
  });
});
