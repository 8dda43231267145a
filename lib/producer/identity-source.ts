import { Subscription } from 'rxjs';
import { type KafkaError } from '../errors';
import type { Cluster } from '../cluster/cluster';
import { InitProducerId } from '../protocol/apis/init-producer-id';
import type { ProducerIdentity } from './partition-queue';

/** As long as batches wait by default; a shorter time would begin the backoff anew while they do. */
const ASK_FOR_MS = 120_000;

/** The current producer id of an idempotent producer: asked for when the first batch needs one, by one request at a time. */
export class IdentitySource {
  current: ProducerIdentity | undefined;
  #request = Subscription.EMPTY;

  constructor(
    private readonly cluster: Cluster,
    private readonly events: {
      /** There is an id now, or it is time to ask again. */
      readonly onChange: () => void;
      /** The brokers refuse to give one: no batch can be sent. */
      readonly onRefused: (error: KafkaError) => void;
    },
  ) {}

  /** Asks for an id unless there is one or a request is under way. */
  need(): void {
    if (this.current !== undefined || !this.#request.closed) return;
    const { cluster, events } = this;
    this.#request = new Subscription();
    this.#request.add(
      cluster
        .request(
          InitProducerId,
          { transactionalId: null, transactionTimeoutMs: 0x7fffffff },
          { route: 'any', timeoutMs: ASK_FOR_MS },
        )
        .subscribe({
          next: ({ producerId, producerEpoch }) => {
            this.current = { producerId, producerEpoch };
            this.#request.unsubscribe();
            events.onChange();
          },
          error: (error: KafkaError) => {
            this.#request.unsubscribe();
            if (!error.retriable) events.onRefused(error);
            // The request has retried for long already. The batches that wait have a deadline of their own.
            else
              this.#request = cluster.runtime.scheduler.schedule(() => {
                this.#request.unsubscribe();
                events.onChange();
              }, cluster.options.retryBackoffMaxMs);
          },
        }),
    );
  }

  /** The epochs of this id are used up, or the brokers do not accept it: the next one in need asks for another. */
  retire(identity: ProducerIdentity): void {
    if (this.current?.producerId === identity.producerId) this.current = undefined;
  }

  close(): void {
    this.#request.unsubscribe();
  }
}
