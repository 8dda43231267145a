import { api } from '../api';
import { array, int16, int32, string, uuid } from '../schema';

/** Deletes topics, on the controller: `topicNames` to v5, `topics` by name or by id from v6 on. */
export const DeleteTopics = api({
  name: 'DeleteTopics',
  key: 20,
  versions: [3, 6],
  flexible: 4,
  request: {
    topics: array({ name: string.nullable().default(null), topicId: uuid.default('AAAAAAAAAAAAAAAAAAAAAA') }).since(6),
    topicNames: array(string).until(5).ignorable(),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.default(0),
    responses: array({
      name: string.nullable(6),
      topicId: uuid.since(6).ignorable(),
      errorCode: int16,
      errorMessage: string.nullable().since(5).default(null).ignorable(),
    }),
  },
});
