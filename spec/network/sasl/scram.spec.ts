import { firstValueFrom } from 'rxjs';
import type { Conversation } from '../../../lib/network/sasl/mechanism';
import { scram } from '../../../lib/network/sasl/scram';
import { scramKeys } from '../../../lib/network/sasl/scram-keys';

const begin = (...given: Parameters<typeof scram>): Promise<Conversation> => firstValueFrom(scram(...given).begin());
const answer = async (conversation: Conversation, text: string) =>
  (await firstValueFrom(conversation.answer(Buffer.from(text))))?.toString();

describe('SCRAM', () => {
  // RFC 7677 §3.
  it('says what the RFC says, for SCRAM-SHA-256', async () => {
    const conversation = await begin('sha256', 'user', 'pencil', () => 'rOprNGfwEbeRWgbNEkqO');
    expect(Buffer.from(conversation.first).toString()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    expect(await answer(conversation, `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).toBe(
      `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    );
    expect(await answer(conversation, 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toBeUndefined();
  });

  // No RFC has one: computed with hashlib of Python 3.
  it('says the same as another implementation, for SCRAM-SHA-512', async () => {
    const conversation = await begin('sha512', 'user', 'pencil', () => 'rOprNGfwEbeRWgbNEkqO');
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    expect(await answer(conversation, `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).toBe(
      `c=biws,r=${nonce},p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==`,
    );
    expect(
      await answer(
        conversation,
        'v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==',
      ),
    ).toBeUndefined();
  });

  // ScramFormatter.saltedPassword of Kafka 4.4 with the salt "salt" and 4,096 iterations, then HMAC "Client Key": Kafka
  // does not normalise, though SASLprep makes another text of each of these.
  it.each([
    ['\ufb01ve \u212b', 'mcfWq6icC6NPk+yea1DU35W6Mwky6IJRjgJxcXIGkmY='],
    ['pa\u0308ss\u00a0wo\u00adrd', 'L7fL8GMzXE5yZ9rkuGUuDlu9srZZF9lCbV/+uViBNu0='],
  ])('hashes the password %j as Kafka does', async (password, clientKey) => {
    const keys = await firstValueFrom(scramKeys('sha256', password)(Buffer.from('salt'), 4096));
    expect(keys.clientKey.toString('base64')).toBe(clientKey);
  });

  it('escapes what separates fields in the name of the user', async () => {
    const { first } = await begin('sha256', 'a,b=c=2C', 'p', () => 'x');
    expect(Buffer.from(first).toString()).toBe('n,,n=a=2Cb=3Dc=3D2C,r=x');
  });

  it('takes a new nonce for each conversation, of 24 random bytes and no comma', async () => {
    const mechanism = scram('sha256', 'u', 'p');
    const nonces = new Set<string>();
    for (let i = 0; i < 100; i += 1) {
      const { first } = await firstValueFrom(mechanism.begin());
      nonces.add(/^n,,n=u,r=([\x21-\x2b\x2d-\x7e]{32,})$/.exec(Buffer.from(first).toString())![1]!);
    }
    expect(nonces.size).toBe(100);
  });

  describe('the keys of a password', () => {
    it('are made once for a salt and an iteration count, also while they are being made', async () => {
      const keysOf = scramKeys('sha512', 'p');
      const all = [keysOf(Buffer.from('s'), 4096), keysOf(Buffer.from('s'), 4096)];
      const [one, two] = await Promise.all(all.map(keys => firstValueFrom(keys)));
      expect(one).toBe(two);
      expect(await firstValueFrom(keysOf(Buffer.from('s'), 4096))).toBe(one);
      expect(await firstValueFrom(keysOf(Buffer.from('s'), 4097))).not.toBe(one);
      expect(await firstValueFrom(keysOf(Buffer.from('t'), 4096))).not.toBe(one);
    });

    it('are made off the event loop', async () => {
      let turns = 0;
      let done = false;
      const turn = (): void => {
        turns += 1;
        if (!done) setImmediate(turn);
      };
      turn();
      await firstValueFrom(scramKeys('sha512', 'p')(Buffer.from('s'), 200_000));
      done = true;
      expect(turns).toBeGreaterThan(10);
    });

    it('do not pile up when each answer brings a new salt', async () => {
      const keysOf = scramKeys('sha256', 'p');
      const first = await firstValueFrom(keysOf(Buffer.from('0'), 4096));
      for (let i = 1; i <= 8; i += 1) await firstValueFrom(keysOf(Buffer.from(String(i)), 4096));
      expect(await firstValueFrom(keysOf(Buffer.from('0'), 4096))).not.toBe(first);
    });
  });
});
