import { filter, map, Observable, Subject, take, type Subscriber } from 'rxjs';
import { Reader } from '../../lib/bytes/reader';
import type { Api } from '../../lib/protocol/api';
import { decodeResponseHeader, encodeRequestFrame } from '../../lib/protocol/header';
import { RequestFrames } from '../../lib/testing/request-frames';
import type { ByteStream, Transport } from '../../lib/types';

/** A connection that knows frames and no more: it shows what a broker answers, without the client in between. */
export class RawClient {
  /** All bytes received. */
  readonly received: Uint8Array[] = [];
  private readonly frames = new Subject<Buffer>();
  private readonly splitter = new RequestFrames();
  private correlationId = 0;

  constructor(private readonly stream: ByteStream) {}

  /** Emits the one response; never, if none comes. */
  request<Q, R>(api: Api<any, Q, R, any>, version: number, body: Q): Observable<R> {
    return new Observable(subscriber => {
      const correlationId = ++this.correlationId;
      subscriber.add(
        this.frames
          .pipe(
            filter(frame => frame.readInt32BE(0) === correlationId),
            take(1),
            map(frame => {
              const reader = new Reader(frame);
              decodeResponseHeader(api, version, reader);
              const response = api.decodeResponse(version, reader);
              if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes behind the response`);
              return response;
            }),
          )
          .subscribe(subscriber),
      );
      this.stream.write(encodeRequestFrame(api, version, correlationId, 'raw', body));
    });
  }

  write(bytes: Uint8Array): void {
    this.stream.write([bytes]);
  }

  take(chunk: Uint8Array): void {
    this.received.push(chunk);
    for (const frame of this.splitter.push(chunk)) this.frames.next(frame);
  }
}

/** Emits a client once connected; completes or errors as the connection does, and closes it when unsubscribed. */
export function rawClient(transport: Transport, address: string): Observable<RawClient> {
  const [host, port] = address.split(':') as [string, string];
  return new Observable((subscriber: Subscriber<RawClient>) => {
    const connection = transport({ host, port: Number(port) }, undefined).subscribe({
      next(stream) {
        const client = new RawClient(stream);
        connection.add(stream.received.subscribe(chunk => client.take(chunk)));
        subscriber.next(client);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    return connection;
  });
}
