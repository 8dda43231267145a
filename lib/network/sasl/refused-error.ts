/** Why a conversation cannot go on, in words that hold no secret. Whoever runs it adds the broker and makes it public. */
export class RefusedError extends Error {}
