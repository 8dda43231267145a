import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerProcess } from './broker-process';

/** Stands in for a broker: it calls home, so that its life is that of a socket, and never ends by itself. */
const PROGRAM = 'require("node:net").connect(Number(process.argv[1]), "127.0.0.1"); setInterval(() => 0, 1000);';

let home: Server;
let folder: string;
let port: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-rx-spec-'));
  home = createServer().listen(0, '127.0.0.1');
  await once(home, 'listening');
  port = String((home.address() as AddressInfo).port);
});

afterEach(() => {
  home.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(): Promise<Socket> {
  const [socket] = (await once(home, 'connection')) as [Socket];
  socket.on('error', () => undefined).resume();
  return socket;
}

const options = () => ({
  nodeId: 1,
  program: process.execPath,
  args: ['-e', PROGRAM, port],
  logFile: join(folder, 'log'),
  folder: join(folder, 'data'),
});

describe('a broker process', () => {
  it('is killed, and starts again', async () => {
    const broker = new BrokerProcess(options());
    broker.start();
    const first = await call();
    const closed = once(first, 'close');
    await broker.kill();
    await closed;
    expect(broker.running).toBe(false);

    broker.start();
    await call();
    expect(broker.running).toBe(true);
    await broker.stop();
    expect(broker.running).toBe(false);
  });

  it('dies with the process that started it, even if that one is killed', async () => {
    const script = `
      const { BrokerProcess } = require(${JSON.stringify(join(__dirname, 'broker-process.ts'))});
      new BrokerProcess(${JSON.stringify(options())}).start();
      setInterval(() => 0, 1000);`;
    const starter: ChildProcess = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', script], { stdio: 'inherit' });
    const socket = await call();
    const closed = once(socket, 'close');

    starter.kill('SIGKILL');

    await closed;
  });
});
