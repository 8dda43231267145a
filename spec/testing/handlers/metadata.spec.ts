import { concat, concatMap, map, tap, toArray } from 'rxjs';
import { Metadata } from '../../../lib/protocol/apis/metadata';
import { LegacyMetadata } from '../../../lib/testing/legacy-apis';
import { inVirtualTime } from '../in-virtual-time';

describe('Metadata', () => {
  it('tells who is there and who leads what', () => {
    inVirtualTime({ brokers: 3, topics: { t: 2 } }, ({ ask }) =>
      ask(Metadata, 13, { topics: null }).pipe(
        tap(({ brokers, topics, controllerId, clusterId }) => {
          expect(brokers.map(({ nodeId, host, port }) => [nodeId, host, port])).toEqual(
            [1, 2, 3].map(id => [id, `embedded-${id}`, 9092]),
          );
          expect([controllerId, clusterId?.length]).toEqual([1, 22]);
          expect(topics).toMatchObject([
            {
              errorCode: 0,
              name: 't',
              partitions: [
                { partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3] },
                { partitionIndex: 1, leaderId: 2, leaderEpoch: 0, replicaNodes: [2, 3, 1], isrNodes: [2, 3, 1] },
              ],
            },
          ]);
        }),
      ),
    );
  });

  it('creates missing topics only if the request and the cluster allow it', () => {
    const codes = (autoCreateTopics: boolean, allowAutoTopicCreation: boolean, name: string) => {
      let seen: unknown;
      inVirtualTime({ autoCreateTopics }, ({ ask }) =>
        ask(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation }).pipe(
          tap(({ topics }) => (seen = [topics[0]!.errorCode, topics[0]!.partitions.length])),
        ),
      );
      return seen;
    };
    expect(codes(true, true, 'new')).toEqual([0, 1]);
    expect(codes(true, false, 'new')).toEqual([3, 0]);
    expect(codes(false, true, 'new')).toEqual([3, 0]);
    expect(codes(true, true, 'not a name')).toEqual([17, 0]);
  });

  it('gives a topic that is deleted and created again another id', () => {
    inVirtualTime({ topics: { t: 1 } }, ({ ask, cluster }) => {
      const idOf = ask(Metadata, 13, { topics: [{ name: 't' }] }).pipe(map(({ topics }) => topics[0]!.topicId));
      return idOf.pipe(
        concatMap(first => {
          cluster.deleteTopic('t');
          cluster.createTopic('t');
          const byId = ask(Metadata, 13, { topics: [{ topicId: first, name: null }] });
          return concat(idOf, byId.pipe(map(({ topics }) => topics[0]!.errorCode))).pipe(
            toArray(),
            tap(([second, gone]) => {
              expect(second).not.toBe(first);
              expect(gone).toBe(100);
            }),
          );
        }),
      );
    });
  });

  it('elects another leader when a broker stops, and none when no replica is left', () => {
    inVirtualTime({ brokers: 2, topics: { t: 1 } }, ({ ask, cluster }) => {
      const seen: unknown[] = [];
      const look = (broker: number) =>
        ask(Metadata, 12, { topics: null }, broker).pipe(
          tap(({ brokers, topics }) => {
            const { errorCode, leaderId, leaderEpoch, isrNodes, offlineReplicas } = topics[0]!.partitions[0]!;
            seen.push([brokers.length, errorCode, leaderId, leaderEpoch, isrNodes, offlineReplicas]);
          }),
          tap(() => undefined),
        );
      cluster.stop(1);
      return look(2).pipe(
        concatMap(() => {
          cluster.start(1);
          cluster.stop(2);
          return look(1);
        }),
        tap(() =>
          expect(seen).toEqual([
            [1, 0, 2, 1, [2], [1]],
            [1, 0, 1, 2, [1], [2]],
          ]),
        ),
      );
    });
  });

  it('reports a partition without a leader until its broker is back', () => {
    inVirtualTime({ brokers: 4, topics: { t: 1 } }, ({ ask, cluster }) => {
      for (const broker of [1, 2, 3]) cluster.stop(broker);
      const look = ask(Metadata, 12, { topics: null }, 4).pipe(map(({ topics }) => topics[0]!.partitions[0]!));
      return look.pipe(
        concatMap(orphan => {
          cluster.start(3);
          return look.pipe(
            tap(led => {
              expect([orphan.errorCode, orphan.leaderId]).toEqual([5, -1]);
              expect([led.errorCode, led.leaderId]).toEqual([0, 3]);
            }),
          );
        }),
      );
    });
  });

  it('answers version 0, where an empty list means all topics, as well', () => {
    inVirtualTime({ topics: { a: 1, b: 1 } }, ({ ask }) =>
      ask(LegacyMetadata, 0, { topics: [] }).pipe(
        tap(({ topics }) => expect(topics.map(({ name }) => name)).toEqual(['a', 'b'])),
      ),
    );
  });
});
