import type { SaslOptions } from '../../types';

let warned = false;

/** Tells once in a process that credentials which can be read on the way travel without TLS. SCRAM does not show them. */
export function warnOfCleartext(mechanism: SaslOptions['mechanism'], tls: unknown): void {
  if (warned || tls !== undefined || mechanism.startsWith('scram')) return;
  warned = true;
  process.emitWarning(
    `SASL ${mechanism.toUpperCase()} without TLS sends ${mechanism === 'plain' ? 'the password' : 'the token'} in clear: whoever is on the way can read it. ` +
      "Set `tls`, and use the broker's SASL_SSL listener.",
    { type: 'KafkaSecurityWarning', code: 'KAFKA_RX_CLEARTEXT_CREDENTIALS' },
  );
}
