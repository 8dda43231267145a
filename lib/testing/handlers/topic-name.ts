import { CODE } from '../error-codes';

/** Why a topic cannot be called that, or 0: Kafka allows 1 to 249 letters, digits, dots, underscores and hyphens. */
export function topicNameError(name: string): number {
  const legal = /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..';
  return legal ? 0 : CODE.INVALID_TOPIC_EXCEPTION;
}
