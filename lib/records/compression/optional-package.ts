import { UnsupportedVersionError } from '../../errors';

/** Gives the package, loaded at the first call; throws an `UnsupportedVersionError` that names it when it is not there. */
export type OptionalPackage<T> = () => T;

/** A package that need not be installed. Nobody pays for loading it who never meets its codec. */
export function optionalPackage<T>(name: string, what: string, load: () => T): OptionalPackage<T> {
  let loaded: T | undefined;
  let failure: UnsupportedVersionError | undefined;
  return () => {
    if (loaded !== undefined) return loaded;
    // Kept, as a search through the disk for each batch would cost more than the batch.
    if (failure !== undefined) throw failure;
    try {
      return (loaded = load());
    } catch (cause) {
      failure = new UnsupportedVersionError(
        `${what} needs the optional package ${name}, which cannot be loaded: install it with "npm install ${name}"`,
        { cause },
      );
      throw failure;
    }
  };
}
