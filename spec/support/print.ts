import { writeSync } from 'node:fs';

/** One line of figures in the output of a test run, without the noise that Jest puts around `console.log`. */
export function print(text: string): void {
  writeSync(2, `    ${text}\n`);
}
