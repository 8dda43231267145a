import type { Observable } from 'rxjs';

/** The broker's end of a connection, in memory or over TCP. */
export interface ServerSocket {
  /** Completes when the client is gone, however it went. */
  readonly received: Observable<Uint8Array>;
  write(chunks: readonly Uint8Array[]): void;
  /** Ends in order behind what was written (FIN). */
  end(): void;
  /** Cuts behind what was written (RST). */
  reset(): void;
  /** Stops and resumes reading: a busy broker leaves bytes in the network, where they push back on the client. */
  mute(muted: boolean): void;
}
