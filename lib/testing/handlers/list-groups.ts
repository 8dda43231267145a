import type { ListGroups } from '../../protocol/apis/list-groups';
import type { Handler } from '../request-context';

/** Answers ListGroups: the groups that this broker coordinates. */
export const listGroups: Handler<typeof ListGroups> = (request, context) => {
  const { cluster, broker } = context;
  cluster.groups.clock.attend(context.gone);
  const errorCode = context.errorFor();
  const wanted = (filter: readonly string[], value: string): boolean =>
    filter.length === 0 || filter.some(one => one.toLowerCase() === value.toLowerCase());
  const groups = cluster.groups.all
    .filter(({ id }) => cluster.coordinator('group', id) === broker)
    .map(({ id, type, state, protocolType }) => ({
      groupId: id,
      protocolType: protocolType ?? '',
      groupState: state,
      groupType: type,
    }))
    .filter(
      ({ groupState, groupType }) => wanted(request.statesFilter, groupState) && wanted(request.typesFilter, groupType),
    );
  return { errorCode, groups: errorCode === 0 ? groups : [] };
};
