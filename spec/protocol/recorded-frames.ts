import { Reader } from '../../lib/bytes/reader';
import type { DecodedRequestOf, ResponseOf } from '../../lib/protocol/api';
import { apiByKey } from '../../lib/protocol/apis';
import type { JoinGroup } from '../../lib/protocol/apis/join-group';
import type { SyncGroup } from '../../lib/protocol/apis/sync-group';
import type { EmbeddedMessage } from '../../lib/protocol/embedded-message';
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../lib/protocol/header';
import { ConsumerProtocolAssignment } from '../../lib/protocol/messages/consumer-protocol-assignment';
import { ConsumerProtocolSubscription } from '../../lib/protocol/messages/consumer-protocol-subscription';
import type { Exchange } from '../support/recording-proxy';

interface Row {
  readonly versions: Set<number>;
  readonly clients: Set<string>;
  requests: number;
  responses: number;
}

/** Frames between clients and brokers, read by us and written again: what comes out has to be what went in. */
export class RecordedFrames {
  /** Each with client, API, version and why. */
  readonly #differences: string[] = [];
  #embedded = 0;
  readonly #rows = new Map<string, Row>();
  /** Frames that we do not claim to speak, by API key and version. */
  readonly #outside = new Map<string, number>();

  /** Gives how many frames were compared, and what differed. */
  check(client: string, exchanges: readonly Exchange[]): { readonly compared: number; readonly differences: string[] } {
    const before = this.#differences.length;
    let compared = 0;
    for (const exchange of exchanges) {
      const { apiKey, version, request, response } = exchange;
      const api = apiByKey(apiKey);
      if (api === undefined || version < api.versions[0] || version > api.versions[1]) {
        const name = `${api?.name ?? `key ${apiKey}`} v${version} of ${client}`;
        this.#outside.set(name, (this.#outside.get(name) ?? 0) + 1);
        continue;
      }
      const row = this.#row(api.name);
      row.versions.add(version);
      row.clients.add(client);
      row.requests++;
      compared++;
      const where = `${client}: ${api.name} v${version}`;
      this.#same(`${where} request`, request, reader => {
        const { correlationId, clientId } = decodeRequestHeader(reader);
        const body = api.decodeRequest(version, reader);
        if (api.name === 'JoinGroup') this.#checkSubscriptions(where, body);
        return encodeRequestFrame(api, version, correlationId, clientId, body);
      });
      if (response === undefined) continue;
      row.responses++;
      compared++;
      this.#same(`${where} response`, response, reader => {
        const { correlationId } = decodeResponseHeader(api, version, reader);
        const body = api.decodeResponse(version, reader);
        if (api.name === 'SyncGroup') this.#checkAssignment(where, body);
        return encodeResponseFrame(api, version, correlationId, body);
      });
    }
    return { compared, differences: this.#differences.slice(before) };
  }

  /** How many versions of each API have been seen. */
  versionsOf(api: string): number {
    return this.#rows.get(api)?.versions.size ?? 0;
  }

  lines(): string[] {
    const rows = [...this.#rows].map(([name, { versions, clients, requests, responses }]) => {
      const seen = [...versions].sort((a, b) => a - b).join(' ');
      return `${name.padEnd(24)}${String(requests).padStart(9)}${String(responses).padStart(10)}  v${seen.padEnd(30)} ${[...clients].join(', ')}`;
    });
    const sum = (what: 'requests' | 'responses') =>
      [...this.#rows.values()].reduce((total, row) => total + row[what], 0);
    const outside = [...this.#outside].map(([name, count]) => `${name}: ${count}`);
    return [
      `${'API'.padEnd(24)} requests responses  versions                        clients`,
      ...rows.sort(),
      `${`${rows.length} APIs`.padEnd(24)}${String(sum('requests')).padStart(9)}${String(sum('responses')).padStart(10)}  ${this.#differences.length} differ`,
      `Subscriptions and assignments inside of them: ${this.#embedded}`,
      `Not ours to speak: ${outside.join('; ') || 'none'}`,
    ];
  }

  #checkSubscriptions(where: string, { protocols }: DecodedRequestOf<typeof JoinGroup>): void {
    for (const { metadata } of protocols) this.#sameInside(where, ConsumerProtocolSubscription, metadata);
  }

  #checkAssignment(where: string, { assignment }: ResponseOf<typeof SyncGroup>): void {
    if (assignment.length > 0) this.#sameInside(where, ConsumerProtocolAssignment, assignment);
  }

  #sameInside(where: string, message: EmbeddedMessage<any, any>, bytes: Buffer): void {
    this.#embedded++;
    const { version, value } = message.decode(bytes);
    const written = message.encode(version, value);
    if (!written.equals(bytes)) {
      this.#differences.push(`${message.name} v${version} in ${where}: ${firstDifference(written, bytes)}`);
    }
  }

  #same(where: string, frame: Buffer, again: (reader: Reader) => Uint8Array[]): void {
    try {
      const reader = new Reader(frame);
      const written = Buffer.concat(again(reader)).subarray(4);
      if (reader.remaining > 0) this.#differences.push(`${where} has ${reader.remaining} bytes that we do not read`);
      else if (!written.equals(frame)) this.#differences.push(`${where}: ${firstDifference(written, frame)}`);
    } catch (error) {
      this.#differences.push(`${where}: ${String(error)}`);
    }
  }

  #row(name: string): Row {
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { versions: new Set(), clients: new Set(), requests: 0, responses: 0 };
      this.#rows.set(name, row);
    }
    return row;
  }
}

function firstDifference(written: Buffer, frame: Buffer): string {
  let at = 0;
  while (at < frame.length && written[at] === frame[at]) at++;
  const around = (bytes: Buffer) => bytes.toString('hex', Math.max(0, at - 8), at + 24);
  return `byte ${at} of ${frame.length} (${written.length} written): ${around(written)} instead of ${around(frame)}`;
}
