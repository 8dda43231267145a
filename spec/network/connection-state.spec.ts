import { next, type ConnectionEvent } from '../../lib/network/connection-state';
import type { ConnectionState } from '../../lib/types';

describe('The states of a connection', () => {
  const legal: [ConnectionState, ConnectionEvent, ConnectionState][] = [
    ['connecting', 'ready', 'connected'],
    ['connecting', 'lost', 'disconnected'],
    ['connected', 'lost', 'disconnected'],
  ];
  it.each(legal)('%s moves by %s to %s', (from, event, to) => {
    expect(next(from, event)).toBe(to);
  });

  const illegal: [ConnectionState, ConnectionEvent][] = [
    ['connected', 'ready'],
    ['disconnected', 'ready'],
    ['disconnected', 'lost'],
  ];
  it.each(illegal)('%s has no move by %s', (from, event) => {
    expect(() => next(from, event)).toThrow(`A ${from} connection`);
  });
});
