// How much may users' code take of the node that runs in a thread beside it, with the world open? Decides no outcome.

/** Of the heap of a thread, as of its last collection. While it does not answer: by so much the whole process may grow. */
export const memoryBytesMax = 512 * 1024 * 1024
/** A thread that does not answer for so long is in a loop. */
export const silenceMillisMax = 10_000
/** Before what has failed is begun again; each pause is twice as long as the one before. */
export const pauseMillisMin = 1_000
export const pauseMillisMax = 60_000
/** Lines that it prints at once, and as many more with each ping, of which there are four a second. */
export const linesMax = 100
export const linesMore = 5
/** Characters. */
export const lineLengthMax = 2_000
