import { print } from './print';

/** A table of what was tried with what, printed when a suite ends. */
export class Matrix {
  private readonly rows = new Map<string, Map<string, string>>();
  private readonly columns: string[] = [];
  private readonly reasons = new Set<string>();

  /** Fills one cell; a `reason` is printed once, below the table. What is never filled has failed, or was skipped. */
  note(row: string, column: string, cell: string, reason?: string): void {
    if (!this.columns.includes(column)) this.columns.push(column);
    const cells = this.rows.get(row) ?? new Map<string, string>();
    this.rows.set(row, cells.set(column, cell));
    if (reason !== undefined) this.reasons.add(`${cell}: ${reason}`);
  }

  print(): void {
    const width = Math.max(...[...this.rows.keys()].map(row => row.length));
    const line = (head: string, cells: readonly string[]) =>
      print([head.padEnd(width), ...cells.map(cell => cell.padStart(7))].join(' '));
    line('', this.columns);
    for (const [row, cells] of this.rows)
      line(
        row,
        this.columns.map(column => cells.get(column) ?? '–'),
      );
    for (const reason of this.reasons) print(reason);
  }
}
