import type { AnyApi } from '../../lib/protocol/api';

type Direction = 'requests' | 'responses';

interface Row {
  readonly versions: Set<number>;
  readonly messages: Record<Direction, number>;
  differences: number;
}

/** What was compared with Kafka, for the table at the end of a run. */
export class Coverage {
  readonly #rows = new Map<string, Row>();

  /** Runs a comparison that calls `count` for each message. One that throws is a difference, and goes on throwing. */
  of(api: AnyApi, version: number, direction: Direction, compare: (count: () => void) => void): void {
    const row = this.#row(api.name);
    row.versions.add(version);
    try {
      compare(() => row.messages[direction]++);
    } catch (error) {
      row.differences++;
      throw error;
    }
  }

  lines(): string[] {
    const rows = [...this.#rows].map(([name, { versions, messages, differences }]) => {
      const all = [...versions];
      const range = all.length === 1 ? `${all[0]}` : `${Math.min(...all)}-${Math.max(...all)}`;
      return [name, range, messages.requests, messages.responses, differences] as const;
    });
    const sum = (column: 2 | 3 | 4) => rows.reduce((total, row) => total + row[column], 0);
    const apis = `${rows.length} APIs`;
    const versions = [...this.#rows.values()].reduce((total, row) => total + row.versions.size, 0);
    return [
      ['API', 'versions', 'requests', 'responses', 'differences'] as const,
      ...rows,
      [apis, versions, sum(2), sum(3), sum(4)] as const,
    ].map(
      ([name, ...rest]) => name.padEnd(26) + rest.map((cell, i) => String(cell).padStart([8, 10, 11, 13][i]!)).join(''),
    );
  }

  #row(name: string): Row {
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { versions: new Set(), messages: { requests: 0, responses: 0 }, differences: 0 };
      this.#rows.set(name, row);
    }
    return row;
  }
}
