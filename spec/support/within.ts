import { firstValueFrom, timeout, toArray, type Observable } from 'rxjs';

/** The first value of a stream, or an error once `ms` have passed: a test that would hang tells what it waited for. */
export function within<T>(ms: number, what: string, source: Observable<T>): Promise<T> {
  const overdue = (): never => {
    throw new Error(`${what}: nothing within ${ms} ms`);
  };
  return firstValueFrom(source.pipe(timeout({ first: ms, with: overdue })));
}

/** All values of a stream that ends within `ms`. */
export function allWithin<T>(ms: number, what: string, source: Observable<T>): Promise<T[]> {
  return within(ms, what, source.pipe(toArray()));
}
