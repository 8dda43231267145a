import { nextSubscription, UNSUBSCRIBED } from '../../lib/consumer/subscription-state';
import type { SubscriptionEvent } from '../../lib/consumer/subscription-state';

const after = (...events: SubscriptionEvent[]): string => {
  const { mode, phase, then } = events.reduce(nextSubscription, UNSUBSCRIBED);
  return `${mode} ${phase}${then === undefined ? '' : ` → ${then}`}`;
};

describe('the state of a subscription', () => {
  it.each<[string, SubscriptionEvent[]]>([
    ['none idle', []],
    ['none idle', ['unsubscribe']],
    ['assigned active', ['assign']],
    ['assigned active', ['assign', 'assign']],
    ['group joining', ['subscribe']],
    ['group active', ['subscribe', 'joined']],
    ['group active', ['subscribe', 'joined', 'subscribe']],
    ['group joining', ['subscribe', 'joined', 'rejoin']],
    // Another mode, or none, gives up the old one first.
    ['assigned clearing → group', ['assign', 'subscribe']],
    ['group joining', ['assign', 'subscribe', 'cleared']],
    ['group clearing → assigned', ['subscribe', 'joined', 'assign']],
    ['assigned active', ['subscribe', 'assign', 'cleared']],
    ['assigned clearing → none', ['assign', 'unsubscribe']],
    ['none idle', ['assign', 'unsubscribe', 'cleared']],
    // Of several wishes meanwhile the last one counts, unless the consumer was closed.
    ['assigned active', ['assign', 'subscribe', 'unsubscribe', 'assign', 'cleared']],
    ['none closed', ['assign', 'close', 'subscribe', 'cleared']],
    ['none closed', ['close', 'close']],
    ['none closed', ['close', 'unsubscribe']],
    // A round of the group that ends during clearing has nothing to say.
    ['group clearing → none', ['subscribe', 'unsubscribe', 'joined']],
  ])('is "%s" after %j', (expected, events) => {
    expect(after(...events)).toBe(expected);
  });

  it.each<SubscriptionEvent[][]>([
    [['joined']],
    [['cleared']],
    [['rejoin']],
    [['assign', 'joined']],
    [['assign', 'cleared']],
  ])('does not allow %j', events => {
    expect(() => after(...events)).toThrow(/is not possible while/);
  });

  it.each<SubscriptionEvent>(['assign', 'subscribe'])('says that a closed consumer cannot %s', event => {
    expect(() => after('close', event)).toThrow(/closed.*needs a new one/);
  });
});
