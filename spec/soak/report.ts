import { median, table } from '../bench/table';
import type { Figure } from '../support/recovery/figures';
import type { SoakRow } from './find-rows';

/** A row of the catalogue, as it came out. */
export interface RowReport {
  readonly id: string;
  readonly project: SoakRow['project'];
  readonly ok: boolean;
  readonly lines: readonly string[];
  readonly failure: string;
}

/** Figures of one row and variant. */
export interface Summary {
  readonly name: string;
  readonly runs: number;
  readonly medianMs: number;
  readonly worstMs: number;
  readonly barMs: number;
  readonly all: readonly Figure[];
}

/** One summary for each row and variant, in the order of their first figures. */
export function summaries(figures: readonly Figure[]): Summary[] {
  const groups = new Map<string, Figure[]>();
  for (const figure of figures) {
    const name = figure.variant === '' ? figure.id : `${figure.id} (${figure.variant})`;
    groups.set(name, [...(groups.get(name) ?? []), figure]);
  }
  return [...groups].map(([name, all]) => ({
    name,
    runs: all.length,
    medianMs: median(all.map(({ ms }) => ms)),
    worstMs: Math.max(...all.map(({ ms }) => ms)),
    barMs: all[0]!.barMs,
    all,
  }));
}

/** The figures as a table in Markdown: what is shown when a soak ends. */
export function markdown(all: readonly Summary[]): string {
  const rows = all.map(({ name, runs, medianMs, worstMs, barMs }) => [
    name,
    String(runs),
    seconds(medianMs),
    seconds(worstMs),
    seconds(barMs),
    worstMs <= barMs ? 'yes' : medianMs <= barMs ? 'median only' : 'no',
  ]);
  return table(['row', 'runs', 'median', 'worst', 'bar', 'within'], rows);
}

/** A page of its own, with a plot of all runs for each row. */
export function html(all: readonly Summary[], rows: readonly RowReport[], about: readonly string[]): string {
  const figures = all.map(
    summary => `<tr class="${summary.worstMs <= summary.barMs ? 'good' : 'bad'}"><td>${escaped(summary.name)}</td>
<td>${summary.runs}</td><td>${seconds(summary.medianMs)}</td><td>${seconds(summary.worstMs)}</td><td>${seconds(summary.barMs)}</td><td>${plot(summary)}</td></tr>`,
  );
  const details = rows.map(
    ({ id, project, ok, lines, failure }) => `<h3>${id}, ${project}: ${ok ? 'passed' : '<b>FAILED</b>'}</h3>
<pre>${escaped([...lines, failure].filter(Boolean).join('\n'))}</pre>`,
  );
  return `<!doctype html><meta charset="utf-8"><title>Soak</title><style>${STYLE}</style><h1>Soak</h1>
<p>${about.map(escaped).join('<br>')}</p>
<table><tr><th>row</th><th>runs</th><th>median</th><th>worst</th><th>bar</th><th>all runs; the line is the bar</th></tr>
${figures.join('\n')}
</table>
<h2>Rows</h2>
${details.join('\n')}
`;
}

const STYLE = `body { font: 14px sans-serif; margin: 2em } td, th { padding: 2px 12px; text-align: right }
td:first-child { text-align: left } .bad td { background: #fdd } pre { background: #f4f4f4; padding: 8px; overflow: auto }`;

const [WIDTH, HEIGHT] = [320, 18];

/** A dot for each run on a line of time from 0 to the worst, or to the bar if that is later. */
function plot({ all, worstMs, barMs }: Summary): string {
  const x = (ms: number) => ((ms / Math.max(worstMs, barMs, 1)) * (WIDTH - 8) + 4).toFixed(1);
  const dots = all.map(({ ms }) => `<circle cx="${x(ms)}" cy="${HEIGHT / 2}" r="3" fill="#06c" fill-opacity=".5"/>`);
  const bar = `<line x1="${x(barMs)}" x2="${x(barMs)}" y1="0" y2="${HEIGHT}" stroke="#c00"/>`;
  return `<svg width="${WIDTH}" height="${HEIGHT}">${bar}${dots.join('')}</svg>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
