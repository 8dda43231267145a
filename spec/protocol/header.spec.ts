import { Reader } from '../../lib/bytes/reader';
import { DecodeError } from '../../lib/errors';
import { ApiVersions } from '../../lib/protocol/apis/api-versions';
import { Metadata } from '../../lib/protocol/apis/metadata';
import { Produce } from '../../lib/protocol/apis/produce';
import { SaslHandshake } from '../../lib/protocol/apis/sasl-handshake';
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../lib/protocol/header';

function hex(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('hex');
}

describe('frames', () => {
  it('have header v1 before flexible versions, and v2 with an old-style client id from there on', () => {
    expect(hex(encodeRequestFrame(SaslHandshake, 1, 5, 'me', { mechanism: 'PLAIN' }))).toBe(
      '00000013' + '0011' + '0001' + '00000005' + '00026d65' + '0005504c41494e',
    );
    expect(
      hex(encodeRequestFrame(ApiVersions, 3, 5, 'me', { clientSoftwareName: 'x', clientSoftwareVersion: 'y' })),
    ).toBe('00000012' + '0012' + '0003' + '00000005' + '00026d65' + '00' + '0278' + '0279' + '00');
    expect(hex(encodeRequestFrame(ApiVersions, 0, 5, null, {}))).toBe(
      '0000000a' + '0012' + '0000' + '00000005' + 'ffff',
    );
  });

  it('carry record batches by reference', () => {
    const batch = Buffer.from('cafe', 'hex');
    const body = { acks: -1, timeoutMs: 1, topicData: [{ name: 't', partitionData: [{ index: 0, records: batch }] }] };
    const chunks = encodeRequestFrame(Produce, 9, 1, null, body);
    expect(chunks).toContain(batch);
    expect(Buffer.concat(chunks).readInt32BE(0)).toBe(Buffer.concat(chunks).length - 4);
  });

  it('of a response have tagged fields in flexible versions, but never for ApiVersions', () => {
    expect(hex(encodeResponseFrame(ApiVersions, 3, 9, { errorCode: 0, apiKeys: [] }))).toBe(
      '0000000c' + '00000009' + '0000' + '01' + '00000000' + '00',
    );
    const frame = Buffer.concat(encodeResponseFrame(Metadata, 9, 9, { brokers: [], topics: [] }));
    expect(frame.subarray(0, 9).toString('hex')).toBe('0000001500000009' + '00');
    const reader = new Reader(frame, 4);
    expect(decodeResponseHeader(Metadata, 9, reader)).toEqual({ correlationId: 9 });
    expect(Metadata.decodeResponse(9, reader)).toMatchObject({ brokers: [], topics: [] });
    expect(reader.remaining).toBe(0);
  });

  it.each([
    [
      'a flexible one, with tagged fields',
      '0012' + '0003' + '00000005' + '00026d65' + '01070155',
      { apiKey: 18, apiVersion: 3, correlationId: 5, clientId: 'me' },
    ],
    [
      'a version beyond ours',
      '0012' + '0063' + '00000005' + 'ffff' + '00',
      { apiKey: 18, apiVersion: 99, correlationId: 5, clientId: null },
    ],
    [
      'an old one',
      '0011' + '0001' + 'ffffffff' + '0000',
      { apiKey: 17, apiVersion: 1, correlationId: -1, clientId: '' },
    ],
    [
      'an unknown one',
      '7fff' + '0001' + '00000005' + '000161',
      { apiKey: 32767, apiVersion: 1, correlationId: 5, clientId: 'a' },
    ],
  ])('are read on the side of the broker: %s', (_, bytes, expected) => {
    const reader = new Reader(Buffer.from(bytes, 'hex'));
    expect(decodeRequestHeader(reader)).toEqual(expected);
    expect(reader.remaining).toBe(0);
  });

  it.each([
    '0012',
    '00120003000000058000',
    '0012000300000005ffff' + 'ffffffff0f',
    '0012000300000005ffff' + '0100ffffffff0f',
  ])('that are malformed are refused: %s', bytes => {
    expect(() => decodeRequestHeader(new Reader(Buffer.from(bytes, 'hex')))).toThrow(DecodeError);
  });
});
