import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedFolder } from './cache-folder';
import { testPki } from './pki';
import { runProgram } from './run-program';

/** What a broker may come with that no client should accept: key and certificate as PEM. */
export interface BadCertificates {
  readonly ca: Buffer;
  /** In order, for comparison. */
  readonly good: Buffer;
  /** Its last day was yesterday. */
  readonly expired: Buffer;
  /** For `elsewhere.example` only. */
  readonly elsewhere: Buffer;
  /** Vouched for by itself alone. */
  readonly selfSigned: Buffer;
}

/** Certificates with one defect each, made once by openssl and then cached; all but the self-signed one are of `testPki`'s authority. */
export async function badCertificates(): Promise<BadCertificates> {
  const pki = await testPki();
  const folder = await cachedFolder('bad-certificates', cwd => make(cwd, dirname(pki.ca)));
  const read = (name: string) => readFileSync(join(folder, `${name}.pem`));
  return {
    ca: readFileSync(pki.ca),
    good: readFileSync(pki.broker),
    expired: read('expired'),
    elsewhere: read('elsewhere'),
    selfSigned: read('self-signed'),
  };
}

async function make(cwd: string, authority: string): Promise<void> {
  const openssl = (line: string) => runProgram('openssl', line.split(' '), { cwd });
  const signed = `-CA ${join(authority, 'ca.crt')} -CAkey ${join(authority, 'ca.key')} -set_serial`;
  const makings = [
    ['expired', 'DNS:localhost,IP:127.0.0.1', `${signed} 101 -days -1`],
    ['elsewhere', 'DNS:elsewhere.example', `${signed} 102 -days 3650`],
    ['self-signed', 'DNS:localhost,IP:127.0.0.1', '-signkey self-signed.key -days 3650'],
  ] as const;
  for (const [name, names, how] of makings) {
    writeFileSync(join(cwd, `${name}.ext`), `subjectAltName=${names}\n`);
    await openssl(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    await openssl(`x509 -req -in ${name}.csr ${how} -extfile ${name}.ext -out ${name}.crt`);
    const pem = readFileSync(join(cwd, `${name}.key`), 'utf8') + readFileSync(join(cwd, `${name}.crt`), 'utf8');
    writeFileSync(join(cwd, `${name}.pem`), pem, { mode: 0o600 });
  }
}
