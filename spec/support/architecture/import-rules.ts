import ts from 'typescript';
import { moduleOf, type SourceFile } from './source-file';

/** The layers of `lib/`, and those of them that a file of each may import besides its own. */
const LOWER: Readonly<Record<string, readonly string[]>> = (() => {
  const lower: Record<string, readonly string[]> = {};
  // Siblings of one step do not see each other.
  const steps = [
    ['bytes'],
    ['protocol', 'records'],
    ['network'],
    ['cluster'],
    ['producer', 'consumer', 'admin'],
    ['operators'],
  ];
  steps.forEach((step, i) => step.forEach(layer => (lower[layer] = steps.slice(0, i).flat())));
  // It stands in for brokers, so it must not share code with the client that it is used to test.
  lower['testing'] = ['bytes', 'protocol', 'records'];
  return lower;
})();

/** What every file may import: files of the root that know no layer. */
const VOCABULARY = ['errors', 'types', 'options', 'runtime', 'fifo'];
/** The files of the root that stand above all layers. Nobody below imports them. */
const TOP = ['index', 'kafka'];
/** The only files that may gather exports of others. */
const BARRELS = ['lib/index', 'lib/testing/index'];

/** Imports that point upwards or sideways. */
export function wrongDirections(files: readonly SourceFile[]): string[] {
  return files.flatMap(file =>
    file.imports.flatMap(({ target, specifier }) => {
      const problem = target === undefined ? undefined : directionProblem(moduleOf(file.path), target);
      return problem ? [`${file.path} imports ${specifier}: ${problem}`] : [];
    }),
  );
}

function directionProblem(from: string, to: string): string | undefined {
  if (!to.startsWith('lib/')) return 'outside of lib/';
  const [source, target] = [partOf(from), partOf(to)];
  if (source.layer === undefined) {
    if (source.name !== 'types' && target.layer === undefined && VOCABULARY.includes(target.name)) return undefined;
    if (source.name === 'types') return 'types.ts imports nothing of ours';
    if (VOCABULARY.includes(source.name)) return `${source.name}.ts may be imported by all, so it knows no layer`;
    return to === 'lib/testing/index' || target.layer === 'testing'
      ? 'testing is an entry point of its own'
      : undefined;
  }
  const lower = LOWER[source.layer];
  if (!lower) return `lib/${source.layer}/ is no layer of the design`;
  if (target.layer === undefined) {
    if (VOCABULARY.includes(target.name)) return undefined;
    return TOP.includes(target.name) ? `${target.name}.ts stands above the layers` : `${target.name}.ts is not shared`;
  }
  if (target.layer === source.layer || lower.includes(target.layer)) return undefined;
  return `${source.layer} may import ${lower.join(', ') || 'no other layer'}`;
}

function partOf(module: string): { readonly layer: string | undefined; readonly name: string } {
  const [, first, ...rest] = module.split('/');
  return rest.length > 0 ? { layer: first, name: rest.join('/') } : { layer: undefined, name: first ?? '' };
}

/** Files that import each other in a ring, types included: each ring once, as `a -> b -> a`. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(files.map(file => [moduleOf(file.path), file.imports.map(item => item.target)]));
  const cycles: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (module: string) => {
    const start = trail.indexOf(module);
    if (start >= 0) cycles.push([...trail.slice(start), module].join(' -> '));
    if (start >= 0 || done.has(module)) return;
    trail.push(module);
    for (const target of edges.get(module) ?? []) if (target !== undefined && edges.has(target)) visit(target);
    trail.pop();
    done.add(module);
  };
  for (const module of edges.keys()) visit(module);
  return cycles;
}

/** Imports of what RxJS does not promise to keep. */
export function rxjsInternals(files: readonly SourceFile[]): string[] {
  return files.flatMap(file =>
    file.imports
      .filter(({ specifier }) => /^rxjs\/(internal|dist|src)\b/.test(specifier))
      .map(({ specifier }) => `${file.path} imports ${specifier}: not public API of RxJS`),
  );
}

/** Files that only gather the exports of others: they hide who needs what, and make rings. */
export function barrels(files: readonly SourceFile[]): string[] {
  return files.flatMap(file => {
    const module = moduleOf(file.path);
    if (BARRELS.includes(module)) return [];
    if (/(^|\/)index$/.test(module)) return [`${file.path}: an index file`];
    const statements = file.tree.statements.filter(statement => !ts.isImportDeclaration(statement));
    const gathers = statements.length > 0 && statements.every(ts.isExportDeclaration);
    const everything = statements.some(statement => ts.isExportDeclaration(statement) && !statement.exportClause);
    return gathers || everything ? [`${file.path}: a barrel; import things from where they are`] : [];
  });
}
