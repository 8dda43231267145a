import { readFileSync } from 'node:fs';

/**
 * The most that was ever resident of this process, in bytes. On Linux from `VmHWM`: the `maxRSS` of a child that was forked includes what
 * its parent had resident before `exec`, which in a test is Jest.
 */
export function peakResidentBytes(): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line) return Number(line[1]) * 1_024;
  } catch {
    // No procfs here: what libuv says has to do.
  }
  return process.resourceUsage().maxRSS * 1_024;
}
