import { mkdirSync, mkdtempSync, renameSync, existsSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where jars, certificates and formatted disks are kept between runs: not versioned, safe to delete at any time. */
export const CACHE_FOLDER = resolve(__dirname, '../../.cache');

/**
 * The cached folder of that name, made by `fill` if it is not there yet. It is filled under another name and renamed,
 * so that two runs that start together, or one that is killed half-way, never leave a partial folder behind.
 */
export async function cachedFolder(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const target = join(CACHE_FOLDER, name);
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const draft = mkdtempSync(`${target}.`);
  try {
    await fill(draft);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}
