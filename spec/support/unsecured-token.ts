/** A token that nobody signed, which a Kafka listener without further configuration takes. Expires after `seconds`. */
export function unsecuredToken(subject: string, seconds: number): string {
  const part = (of: object): string => Buffer.from(JSON.stringify(of)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now - 60, exp: now + seconds })}.`;
}
