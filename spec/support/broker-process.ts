import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

export interface BrokerProcessOptions {
  readonly nodeId: number;
  readonly program?: string; // [java]
  readonly args: readonly string[];
  /** Standard output and errors of the broker are appended here. */
  readonly logFile: string;
  /** Removed when our own process dies without having stopped the broker. */
  readonly folder: string;
}

/** One Kafka broker as a process of its own. It dies with us, even if we are killed. */
export class BrokerProcess {
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: BrokerProcessOptions) {}

  get nodeId(): number {
    return this.options.nodeId;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get log(): string {
    return readFileSync(this.options.logFile, 'utf8');
  }

  /** Starts the process on the data it left behind. It is not ready to serve when this returns. */
  start(): void {
    if (this.#child) throw new Error(`broker ${this.nodeId} is running`);
    const log = openSync(this.options.logFile, 'a');
    // `detached`: an interrupt from the terminal reaches the test run alone, which then stops the brokers.
    const child = spawn(this.options.program ?? 'java', this.options.args, {
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child.unref();
    this.#child = child;
    const watcher = child.pid === undefined ? undefined : watch(child.pid, this.options.folder);
    this.#ended = new Promise<void>(resolve => {
      const end = () => {
        watcher?.kill('SIGKILL');
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once('exit', end);
      child.once('error', end);
    });
  }

  /** A crash: nothing is flushed, nobody is told. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** A controlled shutdown: leaders move away first. Takes seconds. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    // Without `ref` nothing would keep our own process alive while it waits, and it would end half-way.
    this.#child?.ref();
    this.#child?.kill(signal);
    await this.#ended;
  }

  /** A hang: connections stay open, new ones are accepted by the kernel, nothing is answered. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }
}

/**
 * A shell that does nothing but wait for the end of its standard input, which comes when our process is gone in
 * whatever way; then it kills the broker. It is killed first when the broker ends, so that it can never hit another
 * process that was given the same id.
 */
function watch(pid: number, folder: string): ChildProcess {
  const script = 'read -r _; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"';
  const watcher = spawn('sh', ['-c', script, 'kafka-watcher', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  // A pipe to a child is a socket, whatever its type says; it must not keep our process alive.
  (watcher.stdin as Socket).unref();
  return watcher;
}
