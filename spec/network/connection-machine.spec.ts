import * as fc from 'fast-check';
import { ask, Echo, echoed, FakeBroker, versionsOf, type Asked, type Attempt, type FakeSocket } from './fake-broker';

// Random commands against a model of three states. The model knows what is in flight, what each request must have been
// told, and that a socket which ended is nothing any more.

interface Pending {
  readonly asked: Asked;
  readonly correlationId: number;
  live: boolean;
}

class Model {
  readonly broker = new FakeBroker();
  state: 'connecting' | 'connected' | 'disconnected' = 'disconnected';
  attempt: Attempt | undefined;
  socket: FakeSocket | undefined;
  readonly old: FakeSocket[] = [];
  pending: Pending[] = [];
  settled: { asked: Asked; value: string }[] = [];
  ids = 0;
  /** Bytes of a reply that were sent, but not all of it. */
  half: Buffer | undefined;
  ended = 0;
  code = 0;

  open(): void {
    if (this.state !== 'disconnected') return;
    this.broker.autoOpen = false;
    this.attempt = this.broker.attempt();
    this.socket = this.broker.socket;
    this.socket.open();
    this.state = 'connecting';
    this.ids = 1;
  }

  versions(): void {
    if (this.state !== 'connecting') return;
    this.socket!.send(versionsOf(0, this.socket!.requests[0]!.version));
    this.state = 'connected';
  }

  send(): void {
    const connection = this.attempt?.connection;
    if (connection === undefined) return;
    const asked = ask(connection.request(Echo, { text: '' }, { timeoutMs: 1_000, holdMs: 3_000 }));
    if (this.state === 'connected') this.pending.push({ asked, correlationId: this.ids++, live: true });
    else this.settled.push({ asked, value: 'error unsent' });
  }

  reply(cutAt: number): void {
    if (this.state !== 'connected' || this.pending.length === 0) return;
    const first = this.pending[0]!;
    if (this.half === undefined) this.code = (this.code + 1) % 30_000;
    const bytes = this.half ?? echoed(first.correlationId, this.code);
    const at = cutAt % bytes.length;
    if (this.half === undefined && at > 0) {
      this.socket!.send(bytes.subarray(0, at));
      this.half = bytes.subarray(at);
      // An abandoned reply leaves its place as soon as it is known which one it is.
      if (at >= 8 && !first.live) this.skipped = true;
      return;
    }
    this.half = undefined;
    this.pending.shift();
    this.socket!.send(bytes);
    if (first.live) this.settled.push({ asked: first.asked, value: `value ${this.code}` });
    this.skipped = false;
  }
  skipped = false;

  cancel(which: number): void {
    const one = this.pending[which % Math.max(1, this.pending.length)];
    if (one === undefined || !one.live) return;
    one.asked.unsubscribe();
    one.live = false;
    this.settled.push({ asked: one.asked, value: '' });
  }

  tick(): void {
    if (this.state !== 'connected') return;
    this.broker.time.advance(1_000);
    for (const one of this.pending) {
      if (one.live) this.settled.push({ asked: one.asked, value: 'error timeout' });
      one.live = false;
    }
    // So that silence never ends the connection here: bytes of another request are progress.
    if (this.pending.length > 0) this.reply(0);
    if (this.half !== undefined) this.reply(0);
  }

  end(how: 'reset' | 'fin' | 'garbage' | 'close' | 'unsubscribe'): void {
    if (this.state === 'disconnected') return;
    const { socket, attempt } = this;
    if (how === 'close' && attempt!.connection === undefined) how = 'unsubscribe';
    if (how === 'garbage') {
      // In step with frames, else the garbage would be taken for the rest of a reply.
      if (this.half !== undefined) how = 'reset';
    }
    // Before ApiVersions, hanging up has a second try, which `connection.spec` covers.
    if (this.state === 'connecting' && (how === 'reset' || how === 'fin')) how = 'unsubscribe';
    this.state = 'disconnected';
    for (const one of this.pending) if (one.live) this.settled.push({ asked: one.asked, value: 'error sent' });
    this.pending = [];
    this.half = undefined;
    this.skipped = false;
    this.ended += 1;
    this.old.push(socket!);
    if (how === 'reset') socket!.reset();
    else if (how === 'fin') socket!.end();
    else if (how === 'garbage') socket!.send(Buffer.from('HTTP/1.1 400 '));
    else if (how === 'close') attempt!.connection!.close();
    else attempt!.unsubscribe();
  }

  /** Whatever an old socket still says is nothing. */
  late(): void {
    for (const socket of this.old) {
      socket.send(echoed(1, 31_000));
      socket.writable.next(false);
      socket.end();
    }
  }

  check(): void {
    const connection = this.attempt?.connection;
    expect(this.broker.live).toBe(this.state === 'disconnected' ? 0 : 1);
    expect(connection?.connected ?? false).toBe(this.state === 'connected');
    if (connection !== undefined) {
      expect(ask(connection.state).value).toBe(this.state);
      expect(connection.inFlight).toBe(this.pending.length - (this.skipped ? 1 : 0));
    }
    for (const { asked } of this.pending.filter(one => one.live)) expect(asked.log).toEqual([]);
    for (const { asked, value } of this.settled) expect(outcome(asked)).toBe(value);
    if (this.state === 'disconnected') expect(this.broker.time.scheduler.actions.length).toBe(0);
    expect(this.attempt?.gone.length ?? 0).toBe(this.state === 'disconnected' && this.attempt !== undefined ? 1 : 0);
  }
}

function outcome({ log, value, error }: Asked): string {
  if (log.length > 1) return 'told twice';
  if (value !== undefined) return `value ${value.code}`;
  if (error === undefined) return '';
  return error.name === 'RequestTimeoutError' ? 'error timeout' : `error ${error.sent ? 'sent' : 'unsent'}`;
}

const command = fc.oneof(
  { weight: 4, arbitrary: fc.constant((model: Model) => model.open()) },
  { weight: 4, arbitrary: fc.constant((model: Model) => model.versions()) },
  { weight: 8, arbitrary: fc.constant((model: Model) => model.send()) },
  { weight: 8, arbitrary: fc.nat(20).map(at => (model: Model) => model.reply(at)) },
  { weight: 3, arbitrary: fc.nat(5).map(which => (model: Model) => model.cancel(which)) },
  { weight: 1, arbitrary: fc.constant((model: Model) => model.tick()) },
  { weight: 2, arbitrary: fc.constant((model: Model) => model.late()) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('reset' as const, 'fin' as const, 'garbage' as const, 'close' as const, 'unsubscribe' as const)
      .map(how => (model: Model) => model.end(how)),
  },
);

describe('The connection machine', () => {
  it('agrees with a model of three states under random commands', () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 50 }), commands => {
        const model = new Model();
        for (const run of commands) {
          run(model);
          model.check();
        }
        model.end('unsubscribe');
        model.late();
        model.check();
      }),
      { numRuns: 2_000 },
    );
  });
});
