// How much may what users have run where a group leads take of the node? Decides no outcome.

/** How long finalizers may take. */
export const endMillisMax = 2_000
/** Proposals and questions of one `leading` at once; the others wait in its thread. */
export const askingMax = 64
/** How long one of them waits for its answer, unless it says otherwise. */
export const answerMillisDefault = 5_000
export const answerMillisMax = 60_000
