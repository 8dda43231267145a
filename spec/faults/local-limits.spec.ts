import { throwError } from 'rxjs';
import { tcpTransport, type Transport } from '../../lib';
import { echoed } from '../network/fake-broker';
import { startChild, type Child } from '../support/child';
import type { FewFilesInput, FewFilesReport } from '../support/few-files-child';
import { Loopback } from '../support/loopback';
import { print } from '../support/print';
import { scriptedKafka } from '../support/scripted-kafka';

// Connections that this host cannot make. On real sockets of the loopback interface.

const FULL = process.env.KAFKA_RX_FULL === 'true';
const loopback = new Loopback();
const children: Child[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map(child => child.kill()));
  await loopback.close();
});

const serve = scriptedKafka((socket, { correlationId }) => socket.write(echoed(correlationId, 0)));
const forMs = FULL ? 10_000 : 1_000;

describe('A28 a host that cannot connect', () => {
  it.each([
    ['EMFILE', 'connect EMFILE 127.0.0.1:9092 - Local (undefined:undefined)', 'this process has no file handle left'],
    ['ENETUNREACH', 'connect ENETUNREACH 10.0.0.1:9092', 'the network cannot be reached'],
    ['EADDRNOTAVAIL', 'connect EADDRNOTAVAIL 127.0.0.1:9092', 'this host has no address or port left to connect from'],
  ])(
    'for %s tries again with backoff, says why, and comes back',
    async (code, text, advice) => {
      const broker = await loopback.listen(serve);
      let attempts = 0;
      let broken = true;
      const transport: Transport = (address, tls) => {
        if (!broken) return tcpTransport(address, tls);
        attempts += 1;
        return throwError(() => Object.assign(new Error(text), { code }));
      };
      const { ask, events } = loopback.client([broker], { transport });
      const before = process.cpuUsage();
      const asked = ask();
      await new Promise(resolve => setTimeout(resolve, forMs));
      const { user, system } = process.cpuUsage(before);
      const cpu = (user + system) / 10 / forMs;
      const tried = attempts;
      broken = false;
      const started = performance.now();
      await asked;
      const ms = performance.now() - started;
      print(
        `A28: ${code}: ${tried} attempts in ${forMs} ms, ${cpu.toFixed(1)} % CPU, answered ${ms.toFixed(0)} ms after it healed`,
      );
      // 0, 50, 150, 350, 750, 1550 ms, ±20 %, then one a second.
      expect(tried).toBeGreaterThanOrEqual(3);
      expect(tried).toBeLessThanOrEqual(7 + forMs / 800);
      expect(ms).toBeLessThan(1_300);
      const gone = events.find(event => event.type === 'disconnected' && event.error !== undefined);
      expect(gone).toMatchObject({ reason: 'broken', error: { name: 'ConnectionError', retriable: true } });
      expect((gone as any).error.message).toContain(advice);
    },
    20_000,
  );

  it('because its process has no file handle left does not spin, and comes back', async () => {
    const { host, port } = await loopback.listen(serve);
    const input: FewFilesInput = { brokers: `${host}:${port}`, forMs };
    const child = startChild('few-files-child.ts', input, { openFiles: 256 });
    children.push(child);
    const report = await child.report<FewFilesReport>(25_000);
    print(
      `A28: ulimit -n 256, all in use: ${report.attempts} attempts in ${forMs} ms, ${report.cpuPercent.toFixed(1)} % CPU, answered ${report.answeredAfterMs.toFixed(0)} ms after there were handles again`,
    );
    expect(report.opened).toBeGreaterThan(100);
    expect(report.errors).toEqual([expect.stringContaining('this process has no file handle left')]);
    expect(report.attempts).toBeGreaterThanOrEqual(3);
    expect(report.attempts).toBeLessThanOrEqual(7 + forMs / 800);
    // The bar is 5 %; a process that spins takes all there is.
    expect(report.cpuPercent).toBeLessThan(FULL ? 5 : 25);
    expect(report.answeredAfterMs).toBeLessThan(1_300);
    expect(await child.ended).toBe(0);
  }, 40_000);
});
