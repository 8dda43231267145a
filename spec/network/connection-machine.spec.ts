import * as fc from 'fast-check';
import { print } from '../support/print';
import { echoed, versionsOf } from './fake-broker';
import { Model } from './machine/model';
import { HABITS } from './machine/terms';
import { World } from './machine/world';

// Random commands to a slot and its connections, against a model of three states that shares nothing with them. After
// each command both must have told the same parties the same things in the same order.

interface Command {
  readonly kind: string;
  readonly a: number;
  readonly b: number;
}

class Machine {
  readonly model = new Model();
  readonly world = new World();
  #seen = 0;
  #code = 1;

  /** `false`: makes no sense at the moment. */
  run({ kind, a, b }: Command): boolean {
    const { model, world } = this;
    const { link } = model;
    const alive = link !== undefined && link.state !== 'disconnected';
    const connected = link?.state === 'connected';
    switch (kind) {
      case 'acquire':
        model.acquire(a % 8 === 0);
        world.acquire(a % 8 === 0);
        return true;
      case 'leave': {
        const id = model.leave(a);
        if (id !== undefined) world.leave(id);
        return id !== undefined;
      }
      case 'tcp-up':
        if (!alive || link.step !== 'tcp') return false;
        model.tcpUp();
        world.socket.open();
        return true;
      case 'versions':
        return this.#versions(a, b);
      case 'sasl':
        if (!alive || link.step !== 'authentication') return false;
        if (a % 6 === 0) {
          model.refused();
          world.refused();
        } else {
          model.authenticated();
          world.authenticated();
        }
        return true;
      case 'send': {
        // Mostly on the live connection, sometimes on one of old.
        const at = b % 8 === 0 ? a % (model.offered.length || 1) : model.offered.length - 1;
        const to = model.offered[at];
        if (to === undefined) return false;
        const habit = HABITS[b % 3 === 0 ? a % HABITS.length : 0]!;
        model.send(to, a, habit);
        world.send(world.offered[at]!, a, habit);
        return true;
      }
      case 'cancel':
        return this.#same('cancelled', model.drop(a), world.drop(a)) !== undefined;
      case 'answer':
      case 'throttle': {
        if (!connected) return false;
        const throttleMs = kind === 'throttle' ? 100 + (b % 3_000) : 0;
        const replies = model.answer(1 + (a % 3), this.#code, throttleMs);
        this.#code = (this.#code + replies.length) % 30_000;
        const bytes = replies.map(({ place, code }, i) => echoed(place, code, i === 0 ? throttleMs : 0));
        world.socket.outbox = Buffer.concat([world.socket.outbox, ...bytes]);
        return replies.length > 0;
      }
      case 'chunk': {
        const length = alive ? world.socket.outbox.length : 0;
        if (length === 0) return false;
        const bytes = b % 2 === 0 ? length : 1 + (a % length);
        model.arrive(bytes);
        world.socket.deliver(bytes);
        return true;
      }
      case 'offend':
        return this.#offend(a);
      case 'pressure':
        if (!connected) return false;
        model.pressure(a % 2 === 0);
        world.socket.writable(a % 2 === 0);
        return true;
      case 'tick': {
        const ms = a % (b % 3 === 0 ? 6_000 : 300);
        model.advance(ms);
        world.time.advance(ms);
        return true;
      }
      case 'cut':
      case 'half-close':
        if (!alive) return false;
        model.cut(kind === 'half-close');
        if (kind === 'cut') world.socket.reset();
        else world.socket.fin();
        return true;
      case 'end': {
        const reason = (['shutdown', 'idle', 'authentication', 'protocol'] as const)[a % 4]!;
        if (!connected) return false;
        model.endLink(link, reason);
        world.offered.at(-1)!.close(reason);
        return true;
      }
      case 'close':
        model.closeSlot();
        world.closeSlot();
        return true;
      default:
        this.#late();
        return true;
    }
  }

  /** Everything that was told, and everything that can be seen. */
  check(): void {
    const { model, world } = this;
    if (world.faults.length > 0) throw new Error(world.faults.join('\n'));
    for (; this.#seen < Math.max(model.trace.length, world.trace.length); this.#seen += 1) {
      const [expected, found] = [model.trace[this.#seen], world.trace[this.#seen]];
      if (expected === found) continue;
      const before = model.trace.slice(Math.max(0, this.#seen - 12), this.#seen).join('\n  ');
      throw new Error(`expected '${expected}', found '${found}' at ${model.now} ms after\n  ${before}`);
    }
    const { link } = model;
    const state = link?.state ?? 'disconnected';
    this.#same('live sockets', state === 'disconnected' ? 0 : 1, world.live);
    this.#same('generation', model.generation, world.slot.status?.generation ?? 0);
    this.#same('state', model.generation === 0 ? undefined : state, world.slot.status?.state);
    this.#same('offered', state === 'connected', world.slot.connection !== undefined);
    const newest = world.offered.at(-1);
    if (newest !== undefined) {
      const of = model.offered.at(-1)!;
      this.#same('connected', of.state === 'connected', newest.connected);
      this.#same('in flight', of.all.length, newest.inFlight);
    }
  }

  /** Closes the slot: nothing may stay behind, whatever came before. */
  finish(): void {
    this.run({ kind: 'close', a: 0, b: 0 });
    this.check();
    const { world, model } = this;
    if (model.requests.some(request => request.live)) throw new Error('a request was never settled');
    this.#same('timers', 0, world.timers);
    const before = world.trace.length;
    this.#late();
    world.time.advance(100_000);
    this.#same('told after the end', before, world.trace.length);
  }

  #versions(a: number, b: number): boolean {
    const { link } = this.model;
    if (link?.state !== 'connecting' || link.step !== 'versions' || link.outbox.length > 0) return false;
    const kind = a % 9 === 0 ? 'failure' : a % 5 === 0 ? 'refusal' : 'versions';
    const place = link.places - 1;
    const bytes =
      kind === 'versions'
        ? versionsOf(place, link.version)
        : kind === 'refusal'
          ? versionsOf(place, 0, [[18, 0, 2]], 35)
          : versionsOf(place, link.version, [], 42);
    this.model.answerVersions(kind, bytes.length);
    const { socket } = this.world;
    socket.outbox = bytes;
    const length = b % 2 === 0 ? bytes.length : 1 + (b % bytes.length);
    this.model.arrive(length);
    socket.deliver(length);
    return true;
  }

  /** All replies that are on their way, then a frame that nobody is due, then one that somebody is. */
  #offend(a: number): boolean {
    const { link } = this.model;
    if (link?.state !== 'connected') return false;
    const { socket } = this.world;
    const bad = a % 2 === 0 ? echoed(link.places + 7, 1) : Buffer.from([0x7f, 0xff, 0xff, 0xff]);
    const { length } = socket.outbox;
    this.model.arrive(length, true);
    socket.deliver(length, Buffer.concat([bad, echoed(link.answered, 2)]));
    return true;
  }

  /** What the sockets of old still have to say. */
  #late(): void {
    for (const socket of this.world.sockets.slice(-4)) {
      if (!socket.destroyed) continue;
      socket.deliver(socket.outbox.length);
      socket.send(echoed(1, 31_000));
      socket.writable(false);
      socket.writable(true);
      socket.fin();
      socket.reset();
    }
  }

  #same<T>(what: string, expected: T, found: T): T {
    if (expected !== found) throw new Error(`${what}: expected ${String(expected)}, found ${String(found)}`);
    return found;
  }
}

/** What may come when, and how often: else most commands would find nothing to do. */
const WEIGHTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  nothing: { acquire: 12, leave: 1, tick: 10, send: 2, late: 2 },
  tcp: { 'tcp-up': 24, acquire: 4, leave: 2, tick: 1, cut: 1, 'half-close': 1, late: 2 },
  versions: { versions: 16, chunk: 8, acquire: 3, tick: 1, cut: 1, 'half-close': 1, late: 2 },
  authentication: { sasl: 24, acquire: 3, tick: 2, cut: 1, 'half-close': 1, late: 2 },
  up: {
    send: 30,
    cancel: 6,
    answer: 20,
    throttle: 3,
    chunk: 24,
    offend: 1,
    pressure: 4,
    tick: 12,
    acquire: 4,
    cut: 1,
    'half-close': 1,
    end: 1,
    late: 2,
  },
};
const KINDS = new Map(
  Object.entries(WEIGHTS).map(([step, kinds]) => [
    step,
    Object.entries(kinds).flatMap(([kind, weight]) => new Array<string>(weight).fill(kind)),
  ]),
);

const number = fc.nat(65_535);
/** Which of the commands that make sense then, and two numbers for it. */
const choice = fc.tuple(number, number, number);
type Choice = readonly [which: number, a: number, b: number];

function command(model: Model, [which, a, b]: Choice): Command {
  // Once in a while the whole slot is closed. It never comes back, so that must be rare.
  if (which === 65_535 || (which % 500 === 0 && model.generation > 4)) return { kind: 'close', a, b };
  const { link } = model;
  const kinds = KINDS.get(link === undefined || link.state === 'disconnected' ? 'nothing' : link.step)!;
  return { kind: kinds[which % kinds.length]!, a, b };
}

describe('The connection machine', () => {
  // Thousands of expected errors: their stacks would take a quarter of the time.
  const { stackTraceLimit } = Error;
  beforeAll(() => (Error.stackTraceLimit = 0));
  afterAll(() => (Error.stackTraceLimit = stackTraceLimit));

  const full = process.env['KAFKA_RX_FULL'] === 'true';
  const runs = full ? 1_000_000 : 10_000;

  it('agrees with a model of three states under random commands', () => {
    const reached = new Map<string, number>();
    const count = (what: string): void => void reached.set(what, (reached.get(what) ?? 0) + 1);
    let commands = 0;
    fc.assert(
      fc.property(fc.noBias(fc.array(choice, { minLength: 65, maxLength: 65, size: 'max' })), list => {
        const machine = new Machine();
        for (const one of list) {
          const next = command(machine.model, one);
          if (!machine.run(next)) continue;
          commands += 1;
          count(`· ${next.kind}`);
          machine.check();
        }
        machine.finish();
        for (const line of machine.model.trace) count(line.replace(/ -?\d+/g, ''));
      }),
      { numRuns: runs },
    );
    const list = [...reached].sort(([a], [b]) => a.localeCompare(b)).map(([what, times]) => `${what} ${times}`);
    print(`connection machine: ${runs} runs, ${commands} commands that found something to do`);
    print(`commands: ${list.filter(line => line.startsWith('·')).join(' ')}`);
    print(`reached: ${list.filter(line => !line.startsWith('·')).join(', ')}`);
    expect(commands).toBeGreaterThan(50 * runs);
  }, 1_200_000);
});
