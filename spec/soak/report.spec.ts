import { findRows, rowsIn } from './find-rows';
import { html, markdown, summaries } from './report';

const figure = (id: string, ms: number, barMs: number, variant = '') => ({ id, ms, barMs, variant });

describe('the report of a soak', () => {
  const all = summaries([
    figure('B01', 900, 3_000),
    figure('B01', 6_500, 7_000, 'controller'),
    figure('B01', 3_100, 3_000),
  ]);

  it('keeps runs with another bar apart, and says which missed theirs', () => {
    expect(all.map(({ name, runs, medianMs, worstMs }) => [name, runs, medianMs, worstMs])).toEqual([
      ['B01', 2, 2_000, 3_100],
      ['B01 (controller)', 1, 6_500, 6_500],
    ]);
    const [, , plain, controller] = markdown(all).split('\n');
    expect(plain).toMatch(/B01 .* 2\.0 s .* 3\.1 s .* 3\.0 s .* median only/);
    expect(controller).toMatch(/controller.* yes/);
  });

  it('shows each run in a plot, and what a row said as text', () => {
    const row = { id: 'B01', project: 'live' as const, ok: false, lines: ['B01: 1 < 2'], failure: 'broke' };
    const page = html(all, [row], ['here']);
    expect(page.match(/<circle/g)).toHaveLength(3);
    expect(page).toContain('B01: 1 &lt; 2\nbroke');
  });
});

describe('the rows of a soak', () => {
  it('are the tests whose titles begin with an ID', () => {
    const text = `it('A01 cut', …); describe("B02 x", …); row(\n 'C03 y', …); it.each([1, 2])('F04 z', …); it('about A05', …)`;
    expect([...rowsIn(text)]).toEqual(['A01', 'B02', 'C03', 'F04']);
  });

  it('are found in the specs, for a real cluster and without', () => {
    const names = findRows().map(({ id, project }) => `${project} ${id}`);
    expect(names).toEqual(expect.arrayContaining(['unit A25', 'faults A03', 'live A11', 'live B01', 'live B09']));
  });
});
