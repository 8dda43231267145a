import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end and gives its standard output; another exit code than 0 is an error with what it said. */
export async function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const child = spawn(program, args, { cwd: options.cwd, timeout: options.timeoutMs ?? 60_000, killSignal: 'SIGKILL' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', chunk => out.push(chunk));
  child.stderr.on('data', chunk => err.push(chunk));
  // A program that ends without reading its input is judged by its exit code, not by our broken pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code === 0) return Buffer.concat(out);
  const said = Buffer.concat([...out, ...err])
    .toString()
    .slice(-2_000);
  throw new Error(`${program} ${args.slice(0, 6).join(' ')}: ended with ${code ?? signal}\n${said}`);
}

/** Whether a program is to be found on the PATH. */
export function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
