import { concatMap, map, Subject, Subscription, type Observable } from 'rxjs';
import { RequestFrames } from './request-frames';
import type { ServerSocket } from './server-socket';

/** What comes of one request: bytes for the client, and then perhaps the end of the connection, or silence for ever. */
export interface Answer {
  readonly chunks: readonly Uint8Array[];
  readonly then?: 'end' | 'reset' | 'silence';
}

/** So many bytes of requests wait before the socket is muted. */
const QUEUED_BYTES = 1_048_576;

/**
 * Serves one connection as a broker does: strictly one request after the other, so that whatever holds one up holds up
 * all behind it. `answer` gets the frame and a signal that the client is gone. Unsubscribing drops everything.
 */
export function serveConnection(
  socket: ServerSocket,
  answer: (frame: Buffer, gone: Observable<unknown>) => Observable<Answer>,
): Subscription {
  const frames = new RequestFrames();
  const gone = new Subject<void>();
  const queue = new Subject<Buffer>();
  const session = new Subscription();
  let queuedBytes = 0;
  let silent = false;

  const finish = (how: 'end' | 'reset'): void => {
    socket[how]();
    session.unsubscribe();
  };
  session.add(() => gone.complete());
  session.add(
    queue.pipe(concatMap(frame => answer(frame, gone).pipe(map(result => ({ result, frame }))))).subscribe({
      next({ result, frame }) {
        queuedBytes -= frame.length;
        if (queuedBytes <= QUEUED_BYTES) socket.mute(false);
        if (silent) return;
        if (result.chunks.length > 0) socket.write(result.chunks);
        if (result.then === 'silence') silent = true;
        else if (result.then !== undefined) finish(result.then);
      },
      complete: () => session.unsubscribe(),
    }),
  );
  session.add(
    socket.received.subscribe({
      next(chunk) {
        if (silent) return;
        for (const frame of cut(chunk)) {
          queuedBytes += frame.length;
          queue.next(frame);
        }
        if (queuedBytes > QUEUED_BYTES) socket.mute(true);
      },
      complete() {
        // What arrived before is still executed, as a broker would; only waiting for more has lost its purpose.
        gone.next();
        queue.complete();
      },
    }),
  );
  return session;

  function cut(chunk: Uint8Array): readonly Buffer[] {
    try {
      return frames.push(chunk);
    } catch {
      finish('end');
      return [];
    }
  }
}
