import { Subject } from 'rxjs';
import { GroupClock } from '../../../lib/testing/groups/group-clock';
import { ManualClock } from '../../support/manual-clock';

describe('the clock of the groups', () => {
  it('keeps no timer while nobody is connected, and makes up for it before the next request', () => {
    const time = new ManualClock();
    const clock = new GroupClock(time.scheduler);
    const seen: [string, number][] = [];
    const note = (what: string) => (): void => void seen.push([what, time.scheduler.now()]);
    clock.after(10, note('first'));
    expect(time.pending).toBe(0);
    const connection = new Subject<void>();
    clock.attend(connection);
    clock.attend(connection);
    expect(time.pending).toBe(1);
    time.advance(10);
    expect(seen).toEqual([['first', 10]]);
    clock.after(20, note('third'));
    clock.after(10, () => {
      note('second')();
      clock.after(5, note('follows from the second'));
    });
    connection.complete();
    expect(time.pending).toBe(0);
    time.advance(100);
    expect(seen).toHaveLength(1);
    clock.attend(new Subject<void>());
    expect(seen.slice(1)).toEqual([
      ['second', 110],
      ['follows from the second', 110],
      ['third', 110],
    ]);
    expect(time.pending).toBe(0);
  });

  it('moves deadlines without a timer for each, and calls them off', () => {
    const time = new ManualClock();
    const clock = new GroupClock(time.scheduler);
    clock.attend(new Subject<void>());
    let fired = 0;
    let session = clock.after(10, () => fired++);
    for (let beat = 0; beat < 5; beat++) {
      time.advance(6);
      session.unsubscribe();
      session = clock.after(10, () => fired++);
      expect(time.pending).toBeLessThanOrEqual(1);
    }
    expect(fired).toBe(0);
    time.advance(10);
    expect(fired).toBe(1);
  });
});
