/** Who a request says it is from. */
export interface MemberClaim {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}
