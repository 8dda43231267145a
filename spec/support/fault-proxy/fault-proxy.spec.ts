import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { FaultProxy } from './fault-proxy';

const FETCH = 1;
const PRODUCE = 0;
const BODY = 40;

/** Answers each request with as many bytes under its correlation id, and notes what it has heard. */
async function startBroker() {
  const heard: number[] = [];
  const ends: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, socket => {
    sockets.add(socket);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', chunk => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const id = rest.readInt32BE(8);
        heard.push(id);
        rest = rest.subarray(4 + rest.readInt32BE(0));
        const reply = Buffer.alloc(8 + BODY, id);
        reply.writeInt32BE(4 + BODY, 0);
        reply.writeInt32BE(id, 4);
        socket.write(reply);
      }
    });
    socket.on('end', () => ends.push('fin'));
    socket.on('error', error => ends.push((error as NodeJS.ErrnoException).code!));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, heard, ends, close };
}

/** A client that counts bytes and notes how its connection ended. */
async function dial(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const client = {
    socket,
    received: 0,
    ended: '',
    send(id: number, apiKey = FETCH) {
      const frame = Buffer.alloc(12 + BODY);
      frame.writeInt32BE(8 + BODY, 0);
      frame.writeInt16BE(apiKey, 4);
      frame.writeInt32BE(id, 8);
      socket.write(frame);
    },
  };
  socket.on('data', chunk => (client.received += chunk.length));
  socket.on('end', () => (client.ended ||= 'fin'));
  socket.on('error', error => (client.ended ||= (error as NodeJS.ErrnoException).code!));
  await once(socket, 'connect').catch(() => undefined);
  return client;
}

const REPLY = 8 + BODY;
/** Long enough for loopback to have brought what it brings: what must not come is looked for after it. */
const QUIET_MS = 60;

async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await pause(2);
  }
}

describe('the fault proxy', () => {
  let broker: Awaited<ReturnType<typeof startBroker>>;
  let proxy: FaultProxy;
  let clients: Socket[];
  const client = async () => {
    const made = await dial(proxy.port);
    clients.push(made.socket);
    return made;
  };
  beforeEach(async () => {
    clients = [];
    broker = await startBroker();
    proxy = await FaultProxy.start({ target: broker.port });
  });
  afterEach(async () => {
    for (const socket of clients) socket.destroy();
    await proxy.close();
    broker.close();
  });

  it('changes nothing until it is told to', async () => {
    const one = await client();
    one.send(1);
    one.send(2);
    await eventually('two replies', () => one.received === 2 * REPLY);
    one.socket.end();
    await eventually('the end reaches the broker', () => broker.ends.includes('fin'));
    await eventually('nothing is kept', () => proxy.open === 0);
    expect(broker.heard).toEqual([1, 2]);
    expect([proxy.accepted, proxy.requestsOf(FETCH), proxy.requestsOf(PRODUCE)]).toEqual([1, 2, 0]);
  });

  it('ends connections with a reset, or in order', async () => {
    for (const [how, seen] of [
      ['rst', 'ECONNRESET'],
      ['fin', 'fin'],
    ] as const) {
      const one = await client();
      one.send(1);
      await eventually('a reply', () => one.received === REPLY);
      proxy.cut(how);
      await eventually(how, () => one.ended === seen);
      await eventually(how, () => broker.ends.at(-1) === seen);
    }
  });

  it('ends a connection after so many bytes of the replies, or of the requests', async () => {
    const one = await client();
    await eventually('the connection', () => proxy.open === 1);
    proxy.cutAfter(REPLY + 5, 'replies', 'rst');
    one.send(1);
    one.send(2);
    await eventually('the reset', () => one.ended === 'ECONNRESET');
    expect(one.received).toBe(REPLY + 5);

    const two = await client();
    await eventually('the connection', () => proxy.open === 1);
    proxy.cutAfter(20, 'requests', 'fin');
    two.send(3);
    await eventually('the end', () => two.ended === 'fin');
    expect(broker.heard).toEqual([1, 2]);
  });

  it('cuts inside the next reply of a chosen API', async () => {
    const one = await client();
    proxy.cutReplies(PRODUCE, { passBytes: 11, then: 'fin', times: 1 });
    one.send(1, FETCH);
    one.send(2, PRODUCE);
    await eventually('the end', () => one.ended === 'fin');
    expect(one.received).toBe(REPLY + 11);
    const two = await client();
    two.send(3, PRODUCE);
    await eventually('a whole reply', () => two.received === REPLY);
  });

  it('loses the replies of a chosen API, and nothing else', async () => {
    const one = await client();
    proxy.cutReplies(PRODUCE);
    one.send(1, PRODUCE);
    one.send(2, FETCH);
    one.send(3, PRODUCE);
    one.send(4, FETCH);
    await eventually('both others', () => one.received === 2 * REPLY);
    expect(broker.heard).toEqual([1, 2, 3, 4]);
    await proxy.heal();
    one.send(5, PRODUCE);
    await eventually('a reply', () => one.received === 3 * REPLY);
  });

  it('is a black hole, and gives back all that it took when it heals', async () => {
    const one = await client();
    await eventually('the connection', () => proxy.open === 1);
    proxy.shape({ kind: 'stall' });
    one.send(1);
    const two = await client();
    two.send(2);
    await pause(QUIET_MS);
    expect(broker.heard).toEqual([]);
    await proxy.heal();
    await eventually('replies', () => one.received === REPLY && two.received === REPLY);
  });

  it('stalls one direction alone', async () => {
    const one = await client();
    proxy.shape({ kind: 'stall' }, 'replies');
    one.send(1);
    await eventually('the request', () => broker.heard.length === 1);
    await pause(QUIET_MS);
    expect(one.received).toBe(0);
    await proxy.heal();
    await eventually('the reply', () => one.received === REPLY);
  });

  it('drops one direction', async () => {
    const one = await client();
    proxy.shape({ kind: 'drop' }, 'replies');
    one.send(1);
    await eventually('the request', () => broker.heard.length === 1);
    await pause(QUIET_MS);
    await proxy.heal();
    one.send(2);
    await eventually('the second reply', () => one.received === REPLY);
  });

  it('leaves open connections dead for good, while new ones are fine, and tells nobody', async () => {
    const one = await client();
    await eventually('the connection', () => proxy.open === 1);
    proxy.deaden();
    one.send(1);
    await proxy.heal();
    const two = await client();
    two.send(2);
    await eventually('a reply to the new one', () => two.received === REPLY);
    broker.close();
    await pause(QUIET_MS);
    expect([broker.heard, one.received, one.ended]).toEqual([[2], 0, '']);
    one.socket.destroy();
    await eventually('it is freed once the client has given up', () => proxy.open === 0);
  });

  it('lets requests through a connection whose replies are dead', async () => {
    const one = await client();
    await eventually('the connection', () => proxy.open === 1);
    proxy.deaden(['replies']);
    one.send(1);
    await eventually('the request', () => broker.heard.length === 1);
    await pause(QUIET_MS);
    expect(one.received).toBe(0);
  });

  it('delays, and keeps the order', async () => {
    const one = await client();
    proxy.shape({ kind: 'delay', ms: 50 }, 'replies');
    const began = performance.now();
    one.send(1);
    one.send(2);
    await eventually('both', () => one.received === 2 * REPLY);
    expect(performance.now() - began).toBeGreaterThan(48);
  });

  it('trickles byte by byte, and limits the rate', async () => {
    const one = await client();
    proxy.shape({ kind: 'trickle', bytes: 1, everyMs: 1 }, 'replies');
    const began = performance.now();
    one.send(1);
    await eventually('the reply', () => one.received === REPLY);
    expect(performance.now() - began).toBeGreaterThan(REPLY - 2);

    await proxy.heal();
    proxy.limit(1_000);
    const limited = performance.now();
    for (let i = 0; i < 4; i++) one.send(i);
    await eventually('four more', () => one.received === 5 * REPLY);
    expect(performance.now() - limited).toBeGreaterThan(150);
  });

  it('refuses new connections on the same port while open ones live on', async () => {
    const one = await client();
    await proxy.refuse();
    const refused = await client();
    await eventually('the refusal', () => refused.ended === 'ECONNREFUSED');
    one.send(1);
    await eventually('a reply', () => one.received === REPLY);
    await proxy.heal();
    const two = await client();
    two.send(2);
    await eventually('a reply', () => two.received === REPLY);
  });

  it('accepts and never answers, until it heals', async () => {
    proxy.silence();
    const one = await client();
    one.send(1);
    await pause(QUIET_MS);
    expect([one.received, one.ended, broker.heard]).toEqual([0, '', []]);
    await proxy.heal();
    await eventually('the reset', () => one.ended === 'ECONNRESET');
    const two = await client();
    two.send(2);
    await eventually('a reply', () => two.received === REPLY);
  });

  it('resets a client whose broker is not there', async () => {
    broker.close();
    const one = await client();
    await eventually('the reset', () => one.ended !== '');
  });
});
