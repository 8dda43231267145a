import { posix } from 'node:path';
import ts from 'typescript';

/** One source file, parsed: comments and strings are not code, so no rule sees them. */
export interface SourceFile {
  /** From the root of the project, with forward slashes: `lib/bytes/reader.ts`. */
  readonly path: string;
  readonly lines: number;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written: `../bytes/reader`. */
  readonly specifier: string;
  /** The file of ours that it means, without its ending (`lib/bytes/reader`); undefined for a package. */
  readonly target: string | undefined;
}

export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS);
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return { path, lines, tree, imports: importsOf(path, tree) };
}

/** The path without its ending, as imports name it. */
export function moduleOf(path: string): string {
  return path.replace(/\.(m?ts|m?js|d\.ts)$/, '');
}

/** Calls `visit` for each node of the tree, parents first. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, child => walk(child, visit));
}

/** `path:line`, to be clicked on. */
export function place(file: SourceFile, node: ts.Node): string {
  return `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1}`;
}

function importsOf(path: string, tree: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Expression | undefined) => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const relative = specifier.text.startsWith('.');
    const target = relative ? moduleOf(posix.join(posix.dirname(path), specifier.text)) : undefined;
    found.push({ specifier: specifier.text, target });
  };
  walk(tree, node => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
    else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference))
      add(node.moduleReference.expression);
    else if (ts.isCallExpression(node) && isModuleCall(node)) add(node.arguments[0]);
  });
  return found;
}

function isModuleCall(node: ts.CallExpression): boolean {
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  return ts.isIdentifier(node.expression) && node.expression.text === 'require';
}
