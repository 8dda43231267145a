import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachedFolder } from './cache-folder';
import { runProgram } from './run-program';

/** Throw-away certificates for 127.0.0.1 and localhost, as paths of PEM files. */
export interface Pki {
  readonly ca: string;
  /** Private key, then certificate: what Kafka reads as a PEM key store. */
  readonly broker: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/** A certificate authority with a broker's and a client's certificate, made once by openssl and then cached. */
export async function testPki(): Promise<Pki> {
  const folder = await cachedFolder('pki', makePki);
  return {
    ca: join(folder, 'ca.crt'),
    broker: join(folder, 'broker.pem'),
    clientCertificate: join(folder, 'client.crt'),
    clientKey: join(folder, 'client.key'),
  };
}

async function makePki(cwd: string): Promise<void> {
  const openssl = (line: string) => runProgram('openssl', line.split(' '), { cwd });
  await openssl('req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=test-ca -keyout ca.key -out ca.crt');
  for (const name of ['broker', 'client']) {
    const at = (ending: string) => join(cwd, `${name}.${ending}`);
    writeFileSync(at('ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
    await openssl(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
    await openssl(
      `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile ${name}.ext -out ${name}.crt`,
    );
    writeFileSync(at('pem'), readFileSync(at('key'), 'utf8') + readFileSync(at('crt'), 'utf8'), { mode: 0o600 });
  }
}
