import { ZERO_UUID } from '../../bytes/reader';
import type { DeleteTopics } from '../../protocol/apis/delete-topics';
import { CODE } from '../error-codes';
import type { Handler, RequestContext } from '../request-context';
import { topicOf } from './leadership';

/** Answers DeleteTopics: by name, or from v6 on by id. */
export const deleteTopics: Handler<typeof DeleteTopics> = (request, context) => ({
  responses: [
    ...request.topicNames.map(name => remove(name, undefined, context)),
    ...request.topics.map(({ name, topicId }) => remove(name, name === null ? topicId : undefined, context)),
  ],
});

function remove(name: string | null, id: string | undefined, context: RequestContext) {
  const topic = topicOf(context, name ?? '', id);
  const missing = id === undefined ? CODE.UNKNOWN_TOPIC_OR_PARTITION : CODE.UNKNOWN_TOPIC_ID;
  const errorCode = context.errorFor(topic?.name ?? name ?? undefined) || (topic === undefined ? missing : 0);
  if (errorCode === 0 && topic !== undefined) context.cluster.deleteTopic(topic);
  return { name: topic?.name ?? name, topicId: topic?.id ?? id ?? ZERO_UUID, errorCode, errorMessage: null };
}
