import fc from 'fast-check';
import { RefusedError } from '../../../lib/network/sasl/refused-error';
import { MAX_ITERATIONS, readServerFinal, readServerFirst } from '../../../lib/network/sasl/scram-message';
import { print } from '../../support/print';

const RUNS = process.env.KAFKA_RX_FULL === 'true' ? 100_000 : 5_000;
const first = (text: string) => readServerFirst(Buffer.from(text, 'latin1'), 'abc');

describe("the server's messages of SCRAM", () => {
  it('are read, with extensions that mean nothing to us', () => {
    expect(first('r=abcd,s=c2FsdA==,i=4096')).toEqual({ nonce: 'abcd', salt: Buffer.from('salt'), iterations: 4096 });
    expect(first('r=abcd=,s=c2Fs,i=1000000,x=1,y')).toMatchObject({ nonce: 'abcd=', iterations: MAX_ITERATIONS });
    expect(readServerFinal(Buffer.from('v=c2FsdA==,x=1'))).toEqual(Buffer.from('salt'));
  });

  it.each([
    ['', 'no SCRAM message'],
    ['r=abcd', 'no SCRAM message'],
    ['s=c2Fs,r=abcd,i=4096', 'no SCRAM message'],
    ['r=abcd,s=,i=4096', 'no SCRAM message'],
    ['r=abcd,s=c2F,i=4096', 'no SCRAM message'],
    ['r=abcd,s=c2F!,i=4096', 'no SCRAM message'],
    ['r=abcd,s=c2F\nc,i=4096', 'no SCRAM message'],
    ['r=abcd,s=c2Fs,i=', 'no SCRAM message'],
    ['r=abcd,s=c2Fs,i=4096.5', 'no SCRAM message'],
    ['r=abcd,s=c2Fs,i=+4096', 'no SCRAM message'],
    ['r=abcd,s=c2Fs,i=0x2000', 'no SCRAM message'],
    ['r=abcd,s=c2Fs,i=-4096', 'no SCRAM message'],
    ['r=abcd,s=c2Fs,i=4095', 'asks for 4095 SCRAM iterations; from 4096 to 1000000'],
    ['r=abcd,s=c2Fs,i=1', 'asks for 1 SCRAM'],
    ['r=abcd,s=c2Fs,i=1000001', 'asks for 1000001 SCRAM'],
    ['r=abcd,s=c2Fs,i=2147483648', 'asks for 2147483648 SCRAM'],
    [`r=abcd,s=c2Fs,i=${'9'.repeat(400)}`, 'more than 10^10'],
    ['r=abc,s=c2Fs,i=4096', 'does not extend ours'],
    ['r=abdd,s=c2Fs,i=4096', 'does not extend ours'],
    ['m=x,r=abcd,s=c2Fs,i=4096', 'demands a SCRAM extension'],
    [`r=abc${'d'.repeat(9_000)},s=c2Fs,i=4096`, 'no SCRAM message'],
  ])('are refused when the first one is %j', (text, why) => {
    expect(() => first(text)).toThrow(RefusedError);
    expect(() => first(text)).toThrow(why);
  });

  it.each([
    ['', 'no SCRAM message'],
    ['v=', 'no SCRAM message'],
    ['v=?', 'no SCRAM message'],
    ['x=c2Fs', 'no SCRAM message'],
    ['e=invalid-proof', "it says 'invalid-proof'"],
    ['e=', 'it does not say why'],
    ['e=<script>', 'it does not say why'],
  ])('are refused when the last one is %j', (text, why) => {
    expect(() => readServerFinal(Buffer.from(text))).toThrow(RefusedError);
    expect(() => readServerFinal(Buffer.from(text))).toThrow(why);
  });

  it('F04 are read or refused, whatever they hold, and what is refused is never repeated', () => {
    const started = performance.now();
    const field = (...texts: string[]) => fc.constantFrom(...texts);
    const near = fc
      .tuple(
        field('r=abc', 'r=abcd', 'r=abcd=', 'r=ab', 'm=x', 'v=c2Fs', 'e=', ''),
        field('s=', 's=c2Fs', 's=c2F', 's=\xff\xff\xff\xff', 'v=c2Fs', ''),
        field('i=4096', 'i=', 'i=4095', 'i=1000000', 'i=1e6', 'i=99999999999999999999', 'i=NaN', 'i=-1', ''),
        fc.string({ maxLength: 20 }),
      )
      .map(all => Buffer.from(all.join(), 'latin1'));
    const any = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes));
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(near, any), bytes => {
        for (const parse of [() => readServerFirst(bytes, 'abc'), () => readServerFinal(bytes)]) {
          try {
            const value = parse();
            read += 1;
            if (!('iterations' in value)) continue;
            const { iterations, nonce, salt } = value;
            if (!(iterations >= 4_096 && iterations <= 1_000_000 && salt.length > 0 && /^abc./.test(nonce)))
              return false;
          } catch (error) {
            if (!(error instanceof RefusedError) || error.message.length > 160) return false;
          }
        }
        return true;
      }),
      { numRuns: RUNS },
    );
    print(`F04: ${RUNS} SCRAM messages, ${read} of them readable, in ${Math.round(performance.now() - started)} ms`);
    expect(read).toBeGreaterThan(RUNS / 100);
  });
});
