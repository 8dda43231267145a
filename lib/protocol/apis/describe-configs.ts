import { api } from '../api';
import { array, boolean, int16, int32, int8, string } from '../schema';

/**
 * The configs of topics, brokers and groups, and where each value comes from (KIP-133, KIP-226). What concerns a
 * broker is asked of that broker. v3 tells type and documentation (KIP-569).
 */
export const DescribeConfigs = api({
  name: 'DescribeConfigs',
  key: 32,
  versions: [2, 4],
  flexible: 4,
  request: {
    resources: array({ resourceType: int8, resourceName: string, configurationKeys: array(string).nullable() }),
    includeSynonyms: boolean.default(false),
    includeDocumentation: boolean.since(3).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results: array({
      errorCode: int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: boolean,
        configSource: int8.default(-1),
        isSensitive: boolean,
        synonyms: array({ name: string, value: string.nullable(), source: int8 }),
        configType: int8.since(3).default(0).ignorable(),
        documentation: string.nullable().since(3).ignorable(),
      }),
    }),
  },
});
