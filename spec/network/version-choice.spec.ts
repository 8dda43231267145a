import { chooseVersion, unsupportedVersion, type VersionRange } from '../../lib/network/version-choice';
import { api } from '../../lib/protocol/api';
import { BROKER } from './fake-broker';

const ours = api({ name: 'Any', key: 900, versions: [2, 7], flexible: Infinity, request: {}, response: {} });

describe('The version of a request', () => {
  it.each<[VersionRange | undefined, number | undefined, number | undefined]>([
    [[0, 20], undefined, 7],
    [[0, 5], undefined, 5],
    [[7, 9], undefined, 7],
    [[0, 20], 4, 4],
    [[5, 20], 4, undefined],
    [[8, 9], undefined, undefined],
    [[0, 1], undefined, undefined],
    [[0, 20], 1, undefined],
    [undefined, undefined, undefined],
  ])('with %j from the broker and at most %s from the caller is %s', (offered, max, expected) => {
    expect(chooseVersion(ours, offered, max)).toBe(expected);
  });

  it('that does not exist is explained', () => {
    expect(unsupportedVersion(BROKER, ours, [9, 9]).message).toBe(
      'Any cannot be sent to broker:9092 (node 7): the broker speaks version 9, this client versions 2-7',
    );
    expect(unsupportedVersion(BROKER, ours, undefined).message).toContain('the broker does not offer it');
  });
});
