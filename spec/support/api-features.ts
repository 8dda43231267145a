import { rawRequest } from './raw-request';

/** ApiVersions v3: the finalized feature levels of a cluster, e.g. `metadata.version`. Empty before they are known. */
export async function finalizedFeatures(address: string): Promise<ReadonlyMap<string, number>> {
  const zero = { byte: 0 };
  // The tag section of the header, then software name and version as compact strings of one letter, then the tags.
  const letter = [{ byte: 2 }, { byte: 0x78 }];
  const response = await rawRequest(address, 18, 3, [zero, ...letter, ...letter, zero]);
  const features = new Map<string, number>();
  let at = 2;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = response.readUInt8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const skipTags = () => {
    for (let tags = varint(); tags > 0; tags--) {
      varint();
      const size = varint();
      at += size;
    }
  };
  for (let apis = varint() - 1; apis > 0; apis--) {
    at += 6;
    skipTags();
  }
  at += 4; // throttle time
  for (let tags = varint(); tags > 0; tags--) {
    const tag = varint();
    const size = varint();
    const end = at + size;
    if (tag === FINALIZED_FEATURES) {
      for (let count = varint() - 1; count > 0; count--) {
        const length = varint() - 1;
        const name = response.toString('utf8', at, at + length);
        at += length;
        features.set(name, response.readInt16BE(at));
        at += 4;
        skipTags();
      }
    }
    at = end;
  }
  return features;
}

const FINALIZED_FEATURES = 2;
