import fc from 'fast-check';
import { EMPTY, firstValueFrom, of, throwError } from 'rxjs';
import { clientMessage, complaintOf, oauthBearer, type BearerToken } from '../../../lib/network/sasl/oauthbearer';
import { RefusedError } from '../../../lib/network/sasl/refused-error';

const RUNS = process.env.KAFKA_RX_FULL === 'true' ? 100_000 : 5_000;

describe('OAUTHBEARER', () => {
  // RFC 7628 §4.1, without the user to act as, and the extensions of KIP-342.
  it('shows the token as the RFC has it, with its extensions', () => {
    expect(clientMessage({ value: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==' }).toString()).toBe(
      'n,,\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01',
    );
    const extensions = { logicalCluster: 'lkc-1', identityPoolId: 'a b=c' };
    expect(clientMessage({ value: 'a.b.', extensions }).toString()).toBe(
      'n,,\x01auth=Bearer a.b.\x01logicalCluster=lkc-1\x01identityPoolId=a b=c\x01\x01',
    );
  });

  it.each<[unknown, string]>([
    [undefined, 'bearer token'],
    [null, 'bearer token'],
    ['a.b.c', 'bearer token'],
    [{}, 'bearer token'],
    [{ value: '' }, 'bearer token'],
    [{ value: 'SECRET token' }, 'bearer token'],
    [{ value: 'SECRET\x01host=x' }, 'bearer token'],
    [{ value: 'a', extensions: { auth: 'SECRET' } }, 'not "auth"'],
    [{ value: 'a', extensions: { 'x-y': 'SECRET' } }, 'letters only'],
    [{ value: 'a', extensions: { x: 'SECRET\x01auth=Bearer y' } }, '"x"'],
    [{ value: 'a', extensions: { x: 5 } }, '"x"'],
  ])('refuses to send %j, and does not repeat it', (token, why) => {
    expect(() => clientMessage(token as BearerToken)).toThrow(RefusedError);
    expect(() => clientMessage(token as BearerToken)).toThrow(why);
    expect(() => clientMessage(token as BearerToken)).not.toThrow('SECRET');
  });

  it.each([
    ['an Observable', () => of({ value: 'a' }, { value: 'b' })],
    ['a promise', () => Promise.resolve({ value: 'a' })],
    ['an array', () => [{ value: 'a' }]],
  ])('takes the first token of %s', async (_, token) => {
    const { first } = await firstValueFrom(oauthBearer(token).begin());
    expect(Buffer.from(first).toString()).toContain('Bearer a\x01');
  });

  it('asks for a token anew in each conversation', async () => {
    let asked = 0;
    const mechanism = oauthBearer(() => [{ value: `t${++asked}` }]);
    expect(asked).toBe(0);
    await firstValueFrom(mechanism.begin());
    const { first } = await firstValueFrom(mechanism.begin());
    expect(Buffer.from(first).toString()).toContain('Bearer t2');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
      'down',
    ],
    ['errors', () => throwError(() => new Error('down')), 'down'],
    ['rejects', () => Promise.reject(new Error('down')), 'down'],
    ['completes without a value', () => EMPTY, 'without a token'],
  ])('errors as the function does that %s', async (_, token, why) => {
    await expect(firstValueFrom(oauthBearer(token).begin())).rejects.toThrow(why);
  });

  it('lets a broker that refused say so: one byte asks for the refusal', async () => {
    const conversation = await firstValueFrom(oauthBearer(() => [{ value: 'a' }]).begin());
    const refusal = Buffer.from('{"status":"invalid_token","scope":"x"}');
    expect(await firstValueFrom(conversation.answer(refusal))).toEqual(Buffer.from([1]));
    // Which must not be taken for a success then.
    await expect(firstValueFrom(conversation.answer(Buffer.alloc(0)))).rejects.toThrow("it says 'invalid_token'");
  });

  it('F04 says why in the words of a status or not at all, whatever the broker sends', () => {
    const near = fc.oneof(
      fc.json().map(text => Buffer.from(text)),
      fc.string().map(status => Buffer.from(JSON.stringify({ status }))),
      fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(near, bytes => /^it (says '[\w-]{1,40}'|does not say why)$/.test(complaintOf(bytes))),
      { numRuns: RUNS },
    );
    expect(complaintOf(Buffer.from('null'))).toBe('it does not say why');
    expect(complaintOf(Buffer.alloc(1_000_000, 0x5b))).toBe('it does not say why');
  });
});
