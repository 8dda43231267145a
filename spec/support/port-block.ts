import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** A run of neighbouring ports on 127.0.0.1 that no other test run uses. */
export interface PortBlock {
  readonly first: number;
  release(): void;
}

const SIZE = 32;
// Below the range from which kernels choose the ports of outgoing connections: a broker that is restarted finds its
// port still free, however many clients were opened meanwhile.
const LOWEST = 12_000;
const HIGHEST = 32_000;

/**
 * Claims 31 ports that follow `first`. The claim is a listening socket on `first` itself, held by this process: it is
 * atomic between runs, and the kernel gives it back however this process ends.
 */
export async function claimPortBlock(): Promise<PortBlock> {
  const blocks = (HIGHEST - LOWEST) / SIZE;
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const first = LOWEST + ((start + i) % blocks) * SIZE;
    const claim = await listen(first);
    if (!claim) continue;
    if (await allFree(first + 1, first + SIZE)) {
      claim.unref();
      return { first, release: () => claim.close() };
    }
    claim.close();
  }
  throw new Error(`no block of ${SIZE} free ports between ${LOWEST} and ${HIGHEST}`);
}

async function allFree(from: number, to: number): Promise<boolean> {
  for (let port = from; port < to; port++) {
    const probe = await listen(port);
    if (!probe) return false;
    probe.close();
    await once(probe, 'close');
  }
  return true;
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
