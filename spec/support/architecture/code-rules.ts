import ts from 'typescript';
import { moduleOf, place, walk, type SourceFile } from './source-file';

export const LONGEST = 400;

/** Files that hold more than one idea. */
export function tooLong(files: readonly SourceFile[]): string[] {
  return files.filter(file => file.lines > LONGEST).map(file => `${file.path} has ${file.lines} lines`);
}

/** The one file that touches the real clock, turns of I/O and chance. */
const RUNTIME = 'lib/runtime';
/** Where promises are the subject: async iteration out, and in. */
const PROMISES_ALLOWED = ['lib/consumer/iterate', 'lib/producer/send-all'];

const CLOCKS = ['setTimeout', 'setInterval', 'setImmediate'];
const PROMISES = ['Promise', 'queueMicrotask', 'firstValueFrom', 'lastValueFrom'];
const MEMBERS = ['Math.random', 'Date.now', 'performance.now', 'process.nextTick', 'process.hrtime'];

/**
 * Ways round the injected `Runtime`: own timers, clocks, chance and microtasks. One promise in the path, and a test in
 * virtual time sees nothing of what follows it. Types may speak of promises, since users may return them.
 */
export function ownTimeOrChance(files: readonly SourceFile[]): string[] {
  return files.flatMap(file => {
    const module = moduleOf(file.path);
    if (module === RUNTIME) return [];
    const promisesAllowed = PROMISES_ALLOWED.includes(module);
    const found: string[] = [];
    walk(file.tree, node => {
      const name = forbidden(node, promisesAllowed);
      if (name !== undefined) found.push(`${place(file, node)}: ${name}`);
    });
    return found;
  });
}

function forbidden(node: ts.Node, promisesAllowed: boolean): string | undefined {
  if (ts.isIdentifier(node) && isValue(node)) {
    if (CLOCKS.includes(node.text)) return node.text;
    if (!promisesAllowed && PROMISES.includes(node.text)) return node.text;
  }
  if (ts.isPropertyAccessExpression(node)) {
    const name = node
      .getText()
      .replace(/\?/g, '')
      .replace(/^globalThis\./, '');
    if (MEMBERS.includes(name)) return name;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) return 'new Date()';
  if (ts.isCallExpression(node) && node.expression.getText() === 'Date') return 'Date()';
  if (promisesAllowed) return undefined;
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (ts.isAwaitExpression(node)) return 'await';
  if (ts.isForOfStatement(node) && node.awaitModifier) return 'for await';
  return undefined;
}

/** Whether the identifier means a value: not a type, not the name of a member (`socket.setTimeout`, `{ Promise: 1 }`). */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isTypeReferenceNode(parent) || ts.isTypeQueryNode(parent)) return false;
  if (ts.isExpressionWithTypeArguments(parent) && parent.parent.kind !== ts.SyntaxKind.HeritageClause) return false;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node)
    return parent.expression.getText() === 'globalThis';
  if (ts.isMethodSignature(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent)) return false;
  return !(ts.isPropertyAssignment(parent) && parent.name === node);
}

/** Default exports: they have another name in each file that imports them. */
export function defaultExports(files: readonly SourceFile[]): string[] {
  return files.flatMap(file => {
    const found: string[] = [];
    walk(file.tree, node => {
      const named = ts.isExportSpecifier(node) && node.name.text === 'default';
      const modifier = node.kind === ts.SyntaxKind.DefaultKeyword && ts.canHaveModifiers(node.parent);
      if (named || modifier || ts.isExportAssignment(node)) found.push(`${place(file, node)}: a default export`);
    });
    return found;
  });
}
