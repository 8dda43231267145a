import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

const ROOT = join(__dirname, '..');

/** The TypeScript blocks of a Markdown file, with the line each begins at. */
function blocks(markdown: string): { readonly line: number; readonly code: string }[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(match => ({
    line: markdown.slice(0, match.index).split('\n').length + 1,
    code: match[1]!,
  }));
}

/** What the compiler says of the blocks, each compiled as a module of its own against the public entry points. */
function problems(file: string): string[] {
  const found = blocks(readFileSync(join(ROOT, file), 'utf8'));
  // Inside the project, so that rxjs is found where the project has it.
  const folder = mkdtempSync(join(ROOT, 'spec', '.readme-'));
  try {
    const files = found.map(({ code }, at) => {
      const path = join(folder, `block-${at}.ts`);
      writeFileSync(path, `${code}\nexport {};\n`);
      return path;
    });
    const program = ts.createProgram(files, {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.Node16,
      moduleResolution: ts.ModuleResolutionKind.Node16,
      types: ['node'],
      baseUrl: ROOT,
      paths: { 'kafka-rx': ['lib/index.ts'], 'kafka-rx/testing': ['lib/testing/index.ts'] },
    });
    return files.flatMap((path, at) => {
      const source = program.getSourceFile(path)!;
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(problem => {
        const line = found[at]!.line + source.getLineAndCharacterOfPosition(problem.start ?? 0).line;
        return `${file}:${line} ${ts.flattenDiagnosticMessageText(problem.messageText, ' ')}`;
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('README.md', () => {
  it('has examples that compile against the public entry points', () => {
    expect(blocks(readFileSync(join(ROOT, 'README.md'), 'utf8')).length).toBeGreaterThanOrEqual(7);
    expect(problems('README.md')).toEqual([]);
  }, 60_000);
});
