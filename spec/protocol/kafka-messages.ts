import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { CACHE_FOLDER } from '../support/cache-folder';

// Kafka's own description of its protocol: the JSON files that ship inside kafka-clients.

/** A field as Kafka describes it. */
export interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly ignorable?: boolean;
  readonly fields?: readonly KafkaField[];
}

/** A request or response as Kafka describes it. */
export interface KafkaMessage {
  readonly apiKey: number;
  readonly name: string;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly latestVersionUnstable?: boolean;
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly KafkaField[] }[];
}

/** The jar named by `KAFKA_CLIENTS_JAR`, else the newest that the live suites or Maven have fetched. */
export function kafkaClientsJar(): string | undefined {
  const named = process.env['KAFKA_CLIENTS_JAR'];
  if (named !== undefined) return named;
  const repository = join(homedir(), '.m2/repository/org/apache/kafka/kafka-clients');
  const fetched = foldersIn(CACHE_FOLDER).filter(name => /^kafka-[\d.]+$/.test(name));
  const jars = [
    ...fetched.map(name => join(CACHE_FOLDER, name, `kafka-clients-${name.slice('kafka-'.length)}.jar`)),
    ...foldersIn(repository).map(version => join(repository, version, `kafka-clients-${version}.jar`)),
  ].filter(existsSync);
  return jars.sort((a, b) => basename(a).localeCompare(basename(b), 'en', { numeric: true })).at(-1);
}

function foldersIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** All messages in the jar by name, such as `FetchRequest`. */
export function readKafkaMessages(jar: string): ReadonlyMap<string, KafkaMessage> {
  const messages = new Map<string, KafkaMessage>();
  for (const [name, text] of readZip(readFileSync(jar), name => /^common\/message\/\w+\.json$/.test(name))) {
    const message = JSON.parse(text.toString('utf8').replace(/^\s*\/\/.*$/gm, '')) as KafkaMessage;
    messages.set(name.replace(/^.*\/|\.json$/g, ''), message);
  }
  return messages;
}

/** The wanted entries of a zip archive, by its central directory. */
function readZip(zip: Buffer, wanted: (name: string) => boolean): [string, Buffer][] {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const entries: [string, Buffer][] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map(offset => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes);
    if (wanted(name)) {
      const local = zip.readUInt32LE(at + 42);
      const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(from, from + zip.readUInt32LE(at + 20));
      entries.push([name, zip.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content)]);
    }
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return entries;
}
