// What a user gets: packs the build, lints the tarball, installs it into an empty project and uses it there, from
// `require` and from `import`, at run time and as types. Nothing is fetched: dependencies come from node_modules.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const run = promisify(execFile);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const bin = name => join(root, 'node_modules/.bin', name);
const work = mkdtempSync(join(tmpdir(), 'kafka-rx-package-'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What the empty project has beside the package: its peer, its dependencies, and what their types need. */
const BESIDE = ['rxjs', 'tslib', ...Object.keys(manifest.dependencies), '@types/node', 'undici-types'];

// A record there and back through both entry points, in a project that has only the tarball.
const use = `
const cluster = new EmbeddedCluster({ topics: { greetings: 1 } });
const kafka = new Kafka({ ...cluster.options });
const consumer = kafka.consumer({ value: utf8 }).assign([{ topic: 'greetings', partition: 0, offset: 'earliest' }]);
consumer.records.pipe(take(1)).subscribe(record => {
  const value: string = record.value;
  console.log(value, record.offset);
  kafka.close().subscribe();
});
kafka.producer().send({ topic: 'greetings', value: 'hello' }).subscribe();
`;
const imports = [
  ['take', 'rxjs'],
  ['Kafka, utf8', 'kafka-rx'],
  ['EmbeddedCluster', 'kafka-rx/testing'],
];
const asImport = imports.map(([names, from]) => `import { ${names} } from '${from}';`).join('\n');
const asRequire = imports.map(([names, from]) => `const { ${names} } = require('${from}');`).join('\n');
const withoutTypes = use.replace(': string', '');

const project = join(work, 'project');
const inProject = { cwd: project, timeout: 120_000 };
let tarball;

const checks = {
  'packs the build, and nothing but it': async () => {
    tarball = await pack(root);
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const files = stdout.trim().split('\n');
    const allowed = /^package\/(dist\/.+\.(js|mjs|d\.ts|d\.mts|map)|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
    const strange = files.filter(file => !allowed.test(file));
    if (strange.length > 0) throw new Error(`in the tarball: ${strange.join(', ')}`);
    const needed = [
      'dist/index.js',
      'dist/index.mjs',
      'dist/index.d.mts',
      'dist/testing/index.mjs',
      'README.md',
      'LICENSE',
    ];
    const missing = needed.filter(file => !files.includes(`package/${file}`));
    if (missing.length > 0) throw new Error(`not in the tarball: ${missing.join(', ')}`);
  },
  'passes publint': async () => {
    const bytes = readFileSync(tarball);
    const pack = { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
    const { messages, pkg } = await publint({ pack, strict: true });
    if (messages.length > 0) throw new Error(messages.map(message => formatMessage(message, pkg)).join('\n'));
  },
  'passes attw: types resolve as the code does': async () => {
    await run(bin('attw'), [tarball, '--profile', 'node16', '--no-color'], inProject);
  },
  'installs into an empty project': async () => {
    const beside = await Promise.all(BESIDE.map(name => pack(join(root, 'node_modules', name))));
    writeFileSync(join(project, 'package.json'), '{ "private": true }');
    const flags = ['--offline', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', ['install', ...flags, tarball, ...beside], inProject);
  },
  'is used by require': async () => {
    writeFileSync(join(project, 'use.cjs'), asRequire + withoutTypes);
    await expectGreeting('use.cjs');
  },
  'is used by import': async () => {
    writeFileSync(join(project, 'use.mjs'), asImport + withoutTypes);
    await expectGreeting('use.mjs');
  },
  'is one set of classes, however it is loaded': async () => {
    const pairs = ['kafka-rx', 'kafka-rx/testing'].map(
      name => `{ const a = await import('${name}'), b = createRequire(import.meta.url)('${name}');
        for (const name of Object.keys(b)) if (a[name] !== b[name]) throw new Error(name + ' differs'); }`,
    );
    writeFileSync(join(project, 'same.mjs'), `import { createRequire } from 'node:module';\n${pairs.join('\n')}`);
    await run('node', ['same.mjs'], inProject);
  },
  'compiles in strict TypeScript, both ways': async () => {
    writeFileSync(join(project, 'types.mts'), asImport + use);
    writeFileSync(join(project, 'types.cts'), asImport + use);
    const options = ['--noEmit', '--strict', '--module', 'node16', '--target', 'es2022', '--types', 'node'];
    await run(bin('tsc'), [...options, 'types.mts', 'types.cts'], inProject);
  },
  // TypeScript's own default for CommonJS, and so of many a NestJS project: it does not read "exports".
  'compiles where modules are resolved as before Node 12': async () => {
    writeFileSync(join(project, 'classic.ts'), asImport + use);
    const options = ['--noEmit', '--strict', '--module', 'commonjs', '--moduleResolution', 'node10'];
    await run(bin('tsc'), [...options, '--target', 'es2021', '--types', 'node', 'classic.ts'], inProject);
  },
};

async function pack(folder) {
  const { stdout } = await run('npm', ['pack', folder, '--ignore-scripts', '--silent', '--pack-destination', work]);
  return join(work, stdout.trim().split('\n').at(-1));
}

async function expectGreeting(file) {
  const { stdout } = await run('node', [file], inProject);
  if (stdout.trim() !== 'hello 0n') throw new Error(`${file} printed ${JSON.stringify(stdout)}`);
}

mkdirSync(project);
let failed = 0;
for (const [title, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`  ok      ${title}`);
  } catch (error) {
    failed++;
    console.log(`  FAILED  ${title}\n${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}
rmSync(work, { recursive: true, force: true });
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
