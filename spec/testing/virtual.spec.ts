import { interval, NEVER, of, timer } from 'rxjs';
import { runVirtual } from '../../lib/testing/virtual';

describe('runVirtual', () => {
  it('runs marbles and the runtime on one clock', () => {
    runVirtual(t => {
      t.expectObservable(timer(3, t.runtime.scheduler)).toBe('---(0|)', { 0: 0 });
      t.expectObservable(t.cold('a-b|')).toBe('a-b|');
    });
  });

  it('ends at the horizon what would go on for ever', () => {
    let ticks = 0;
    runVirtual(
      t => {
        interval(10, t.runtime.scheduler).subscribe(() => ticks++);
        t.expectObservable(NEVER).toBe('');
      },
      { forMs: 100 },
    );
    expect(ticks).toBe(10);
  });

  it('fails when an expectation is not met', () => {
    expect(() => runVirtual(t => t.expectObservable(of('a')).toBe('(b|)'))).toThrow();
  });

  it('compares with the assertion it is given', () => {
    const compared: unknown[] = [];
    runVirtual(t => t.expectObservable(of('a')).toBe('(b|)'), { assertEqual: actual => void compared.push(actual) });
    expect(compared).toHaveLength(1);
  });

  it('gives the same chance in every run', () => {
    const draw = () => {
      const drawn: number[] = [];
      runVirtual(({ runtime }) => drawn.push(runtime.random(), runtime.random(), runtime.random()));
      return drawn;
    };
    const first = draw();
    expect(draw()).toEqual(first);
    expect(new Set(first).size).toBe(3);
    expect(first.every(it => it >= 0 && it < 1)).toBe(true);
  });

  it('stops the cluster at the horizon', () => {
    const seen: unknown[] = [];
    runVirtual(
      t => {
        const { transport } = t.cluster.options;
        transport({ host: 'embedded-1', port: 9092 }, undefined).subscribe({
          complete: () => seen.push(t.runtime.scheduler.now()),
        });
      },
      { forMs: 50 },
    );
    expect(seen).toEqual([50]);
  });

  it('says so when time stands still', () => {
    expect(() =>
      runVirtual(({ runtime }) => {
        const again = (): void => void runtime.yield(again);
        again();
      }),
    ).toThrow(/stands still at 0 ms/);
  });
});
