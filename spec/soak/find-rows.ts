import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';

/** A row of the fault catalogue, by the specs whose titles begin with its ID. */
export interface SoakRow {
  readonly id: string;
  /** The Jest project: `live` ones harm a real cluster, the others need none. */
  readonly project: 'live' | 'faults' | 'unit';
  readonly files: readonly string[];
}

const ROOT = resolve(__dirname, '../..');
const TITLE = /\b(?:row|it|test|describe\w*)(?:\.each\([^;]*?\))?\(\s*['"`]([A-G]\d\d)\b/g;

/** All rows in the order of their IDs, those that need no cluster first. */
export function findRows(folder = join(ROOT, 'spec')): SoakRow[] {
  const found = new Map<string, { id: string; project: SoakRow['project']; files: string[] }>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.spec.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    // Its own specs speak of rows, too.
    if (file.startsWith(__dirname)) continue;
    const [part] = file.slice(folder.length + 1).split(sep);
    const project = part === 'live' || part === 'faults' ? part : 'unit';
    for (const id of rowsIn(readFileSync(file, 'utf8'))) {
      const key = `${project} ${id}`;
      const row = found.get(key) ?? { id, project, files: [] };
      row.files.push(file);
      found.set(key, row);
    }
  }
  const rank = ({ project, id }: SoakRow) => `${project === 'live' ? 1 : 0}${id}`;
  return [...found.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** The IDs that titles of tests in this text begin with. */
export function rowsIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(TITLE)].map(match => match[1]!));
}
