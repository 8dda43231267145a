import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends each frame once the one before is answered, over a socket of their own; gives the responses without their length. */
export async function exchangeFrames(
  address: string,
  frames: readonly (readonly Uint8Array[])[],
  timeoutMs = 10_000,
): Promise<Buffer[]> {
  const [host, port] = address.split(':');
  const socket = connect({ host: host!, port: Number(port), noDelay: true });
  const timer = setTimeout(() => socket.destroy(new Error(`${address} did not answer in ${timeoutMs} ms`)), timeoutMs);
  const responses: Buffer[] = [];
  try {
    await once(socket, 'connect');
    socket.write(Buffer.concat(frames[0]!));
    let received: Buffer = Buffer.alloc(0);
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) continue;
      responses.push(received.subarray(4));
      if (responses.length === frames.length) return responses;
      received = Buffer.alloc(0);
      socket.write(Buffer.concat(frames[responses.length]!));
    }
    const key = Buffer.concat(frames[responses.length]!).readInt32BE(4);
    throw new Error(`${address} closed the connection over API key ${key >> 16} v${key & 0xffff}`);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
