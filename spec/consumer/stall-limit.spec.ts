import { StallLimit } from '../../lib/consumer/stall-limit';
import { FreezableProcess } from '../support/freezable-process';
import { ManualClock } from '../support/manual-clock';

/** A limit of 1 s over counters that the spec sets. */
function limited() {
  const clock = new ManualClock();
  const process = new FreezableProcess(clock.runtime);
  const told: number[] = [];
  const state = { unacked: 0, settles: 0 };
  const limit = new StallLimit({
    runtime: process.runtime,
    limitMs: 1_000,
    unacked: () => state.unacked,
    settles: () => state.settles,
    stalled: forMs => told.push(forMs),
  });
  return { clock, process, told, state, limit };
}

describe('the limit on standing still', () => {
  it('is met once when records are there and none is settled', () => {
    const { clock, told, state, limit } = limited();
    limit.start();
    state.unacked = 3;
    clock.advance(900);
    expect(told).toEqual([]);
    clock.advance(10_000);
    expect(told.length).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('begins anew with each settle, and while there is nothing to settle', () => {
    const { clock, told, state, limit } = limited();
    limit.start();
    clock.advance(5_000);
    state.unacked = 3;
    for (let i = 0; i < 10; i++) {
      clock.advance(800);
      state.settles++;
    }
    expect(told).toEqual([]);
    limit.stop();
    clock.advance(5_000);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('does not count the time that the process was frozen', () => {
    const { clock, process, told, state, limit } = limited();
    limit.start();
    state.unacked = 3;
    clock.advance(300);
    process.freeze();
    clock.advance(60_000);
    process.thaw();
    clock.advance(200);
    // Used to be told at once, before anybody had had the time to settle.
    expect(told).toEqual([]);
    clock.advance(1_000);
    expect(told.length).toBe(1);
  });
});
