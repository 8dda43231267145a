import { rawRequest } from '../raw-request';

const ALTER_PARTITION_REASSIGNMENTS = 45;
const ELECT_LEADERS = 43;
const TIMEOUT_MS = 10_000;

/** Makes the first of `replicas` the leader: the same replicas in a new order, then an election of the preferred one. */
export async function moveLeader(
  address: string,
  topic: string,
  partition: number,
  replicas: readonly number[],
): Promise<void> {
  const noTags = { byte: 0 };
  const name = [{ byte: topic.length + 1 }, ...[...Buffer.from(topic)].map(byte => ({ byte }))];
  const order = [{ byte: replicas.length + 1 }, ...replicas.map(int => ({ int })), noTags];
  const partitions = [{ byte: 2 }, { int: partition }, ...order];
  const topics = [{ byte: 2 }, ...name, ...partitions, noTags];
  const body = [noTags, { int: TIMEOUT_MS }, ...topics, noTags];
  const altered = await rawRequest(address, ALTER_PARTITION_REASSIGNMENTS, 0, body, TIMEOUT_MS);
  // Tags of the header, then the throttle time.
  check('AlterPartitionReassignments', altered.readInt16BE(5));
  const elect = [{ int: 1 }, topic, { int: 1 }, { int: partition }, { int: TIMEOUT_MS }];
  const elected = await rawRequest(address, ELECT_LEADERS, 0, elect, TIMEOUT_MS);
  // Throttle time, one topic with its name, one partition with its number.
  check('ElectLeaders', elected.readInt16BE(4 + 4 + 2 + topic.length + 4 + 4));
}

const ELECTION_NOT_NEEDED = 84;

function check(api: string, error: number): void {
  if (error !== 0 && error !== ELECTION_NOT_NEEDED) throw new Error(`${api}: error ${error}`);
}
