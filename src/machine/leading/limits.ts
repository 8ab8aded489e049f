// How much may what users have run where a group leads take of the node? Decides no outcome.

/** Of the heap of a thread, as of its last collection. While it does not answer: by so much the whole process may grow. */
export const memoryBytesMax = 512 * 1024 * 1024
/** A thread that does not answer for so long is in a loop. */
export const silenceMillisMax = 10_000
/** How long finalizers may take. */
export const endMillisMax = 2_000
/** Before what has failed is begun again; each pause is twice as long as the one before. */
export const pauseMillisMin = 1_000
export const pauseMillisMax = 60_000
/** Proposals and questions of one `leading` at once; the others wait in its thread. */
export const askingMax = 64
/** How long one of them waits for its answer, unless it says otherwise. */
export const answerMillisDefault = 5_000
export const answerMillisMax = 60_000
/** Lines that it prints at once, and as many more with each ping, of which there are four a second. */
export const linesMax = 100
export const linesMore = 5
/** Characters. */
export const lineLengthMax = 2_000
