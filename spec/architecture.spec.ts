import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defaultExports, LONGEST, ownTimeOrChance, tooLong } from './support/architecture/code-rules';
import { barrels, importCycles, rxjsInternals, wrongDirections } from './support/architecture/import-rules';
import { parseSource, type SourceFile } from './support/architecture/source-file';

const ROOT = resolve(__dirname, '..');

function sourcesUnder(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.m?ts$/.test(entry.name))
    .map(entry => {
      const file = join(entry.parentPath, entry.name);
      return parseSource(file.slice(ROOT.length + 1).replaceAll('\\', '/'), readFileSync(file, 'utf8'));
    });
}

const lib = sourcesUnder('lib');
const everything = [...lib, ...sourcesUnder('spec'), ...sourcesUnder('examples')];
/** The ES-module wrappers beside the two index files; they have nothing in them but a re-export. */
const modules = lib.filter(file => !file.path.endsWith('.mts'));

describe('the architecture', () => {
  it('has sources to look at', () => {
    expect(lib.map(file => file.path)).toEqual(expect.arrayContaining(['lib/index.ts', 'lib/bytes/reader.ts']));
  });

  it('lets each layer import only lower ones, and the testing cluster nothing of the client', () => {
    expect(wrongDirections(modules)).toEqual([]);
  });

  it('has no ring of imports', () => {
    expect(importCycles(modules)).toEqual([]);
  });

  it(`has no file of more than ${LONGEST} lines`, () => {
    expect(tooLong(everything)).toEqual([]);
  });

  it('takes time, turns of I/O and chance from the runtime alone, and makes no promises', () => {
    expect(ownTimeOrChance(modules)).toEqual([]);
  });

  it('uses the public API of RxJS only', () => {
    expect(rxjsInternals(everything)).toEqual([]);
  });

  it('has no default exports in the library', () => {
    expect(defaultExports(lib)).toEqual([]);
  });

  it('has no index files but the two entry points', () => {
    expect(barrels(modules)).toEqual([]);
  });
});

/** Each rule has to fail on code that breaks it, or its silence above means nothing. */
describe('the rules of the architecture', () => {
  const sample = (path: string, text: string) => [parseSource(path, text)];

  it.each([
    ['lib/bytes/reader.ts', '../protocol/api'],
    ['lib/protocol/api.ts', '../records/batch-reader'],
    ['lib/records/batch-reader.ts', '../network/connection'],
    ['lib/network/connection.ts', '../cluster/cluster'],
    ['lib/cluster/cluster.ts', '../producer/producer'],
    ['lib/producer/producer.ts', '../consumer/consumer'],
    ['lib/consumer/fetch/fetcher.ts', '../../admin/admin'],
    ['lib/admin/admin.ts', '../operators/handle'],
    ['lib/testing/broker.ts', '../network/connection'],
    ['lib/producer/producer.ts', '../kafka'],
    ['lib/bytes/reader.ts', '../index'],
    ['lib/errors.ts', './bytes/reader'],
    ['lib/types.ts', './errors'],
    ['lib/kafka.ts', './testing/embedded-cluster'],
    ['lib/bytes/reader.ts', '../serdes'],
    ['lib/bytes/reader.ts', '../../spec/support/clusters'],
    ['lib/common/clamp.ts', '../bytes/reader'],
  ])('refuse that %s imports %s, in whatever form', (path, specifier) => {
    for (const text of [
      `import { x } from '${specifier}';`,
      `import type { X } from '${specifier}';`,
      `export { x } from '${specifier}';`,
      `type X = import('${specifier}').X;`,
      `const x = require('${specifier}');`,
      `void import('${specifier}');`,
    ])
      expect(wrongDirections(sample(path, text))).toHaveLength(1);
  });

  it.each([
    ['lib/operators/handle.ts', '../consumer/consumer'],
    ['lib/consumer/fetch/fetcher.ts', '../delivery/delivery'],
    ['lib/consumer/consumer.ts', '../types'],
    ['lib/testing/broker.ts', '../records/batch-reader'],
    ['lib/runtime.ts', './types'],
    ['lib/kafka.ts', './operators/handle'],
  ])('allow that %s imports %s', (path, specifier) => {
    expect(wrongDirections(sample(path, `import { x } from '${specifier}';`))).toEqual([]);
  });

  it('do not take a comment or a string for an import', () => {
    const text = "// import { x } from '../cluster/cluster';\nconst s = \"import '../cluster/cluster'\";";
    expect(wrongDirections(sample('lib/bytes/reader.ts', text))).toEqual([]);
  });

  it('find a ring of imports, of types too', () => {
    const ring = [
      parseSource('lib/bytes/a.ts', "import { b } from './b';"),
      parseSource('lib/bytes/b.ts', "import type { C } from './c';"),
      parseSource('lib/bytes/c.ts', "export { a } from './a';"),
    ];
    expect(importCycles(ring)).toEqual(['lib/bytes/a -> lib/bytes/b -> lib/bytes/c -> lib/bytes/a']);
    expect(importCycles(ring.slice(0, 2))).toEqual([]);
  });

  it('count lines', () => {
    expect(tooLong(sample('spec/a.spec.ts', '\n'.repeat(LONGEST)))).toEqual([]);
    expect(tooLong(sample('spec/a.spec.ts', '\n'.repeat(LONGEST + 1)))).toEqual(['spec/a.spec.ts has 401 lines']);
  });

  it.each([
    'new Promise(() => undefined);',
    'Promise.resolve(1);',
    'const f = async () => 1;',
    'class A { async m() {} }',
    'await x;',
    'for await (const a of b) a;',
    'queueMicrotask(f);',
    'globalThis.queueMicrotask(f);',
    'process.nextTick(f);',
    'setTimeout(f, 1);',
    'globalThis.setTimeout(f, 1);',
    'const later = setInterval;',
    'setImmediate(f);',
    "import { setTimeout } from 'node:timers';",
    'Math.random();',
    'Date.now();',
    'new Date();',
    'performance.now();',
    'firstValueFrom(s);',
  ])('find a way round the runtime: %s', text => {
    expect(ownTimeOrChance(sample('lib/cluster/pool.ts', text))).not.toEqual([]);
  });

  it.each([
    '// setTimeout(f, 1); Math.random(); await x',
    "const s = 'Promise.resolve(Date.now())';",
    'type R<T> = Promise<T> | PromiseLike<T>;',
    'socket.setTimeout(5);',
    'const d = new Date(timestamp);',
  ])('leave alone what is none: %s', text => {
    expect(ownTimeOrChance(sample('lib/cluster/pool.ts', text))).toEqual([]);
  });

  it('exempt the runtime itself, and promises alone where they are the subject', () => {
    expect(ownTimeOrChance(sample('lib/runtime.ts', 'setImmediate(f); Math.random();'))).toEqual([]);
    expect(ownTimeOrChance(sample('lib/consumer/iterate.ts', 'async function f() { await x; }'))).toEqual([]);
    expect(ownTimeOrChance(sample('lib/producer/send-all.ts', 'setTimeout(f, 1);'))).toHaveLength(1);
  });

  it('find imports of what RxJS keeps to itself', () => {
    expect(rxjsInternals(sample('lib/a.ts', "import { x } from 'rxjs/internal/Observable';"))).toHaveLength(1);
    expect(rxjsInternals(sample('lib/a.ts', "import { TestScheduler } from 'rxjs/testing';"))).toEqual([]);
  });

  it.each(['export default 1;', 'export default function f() {}', 'export { f as default };', 'export = f;'])(
    'find a default export: %s',
    text => expect(defaultExports(sample('lib/a.ts', text))).toHaveLength(1),
  );

  it('find a barrel', () => {
    expect(barrels(sample('lib/bytes/index.ts', 'export const x = 1;'))).toHaveLength(1);
    expect(barrels(sample('lib/bytes/all.ts', "export * from './reader';"))).toHaveLength(1);
    expect(
      barrels(sample('lib/bytes/some.ts', "import { a } from './a';\nexport { a };\nexport { b } from './b';")),
    ).toHaveLength(1);
    expect(barrels(sample('lib/bytes/more.ts', "export * from './a';\nexport const x = 1;"))).toHaveLength(1);
    expect(barrels(sample('lib/bytes/own.ts', "export type { A } from './a';\nexport const x = 1;"))).toEqual([]);
    expect(barrels(sample('lib/index.ts', "export * from './bytes/reader';"))).toEqual([]);
  });
});
