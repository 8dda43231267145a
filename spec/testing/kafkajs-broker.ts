/** kafkajs's own connection to one broker, and its codecs of one version, which it does not export. */
export function kafkajsBroker(address: string): any {
  return new (inside('broker'))({ connectionPool: kafkajsConnection(address), logger: silent() });
}

/** Sends what `kafkajsProtocol` makes; connects by itself. */
export function kafkajsConnection(address: string): any {
  const [host, port] = address.split(':');
  return new (inside('network/connectionPool'))({
    host,
    port: Number(port),
    logger: silent(),
    socketFactory: inside('network/socketFactory')(),
    requestTimeout: 5000,
    connectionTimeout: 1000,
  });
}

/** A request and its decoder: `api` in kafkajs's spelling, such as `listOffsets`. */
export function kafkajsProtocol(api: string, version: number, body: object): any {
  return inside(`protocol/requests/${api}`).protocol({ version })(body);
}

function silent(): any {
  const nothing = (): void => undefined;
  return { namespace: silent, debug: nothing, info: nothing, warn: nothing, error: nothing };
}

function inside(path: string): any {
  return jest.requireActual(`kafkajs/src/${path}`);
}
