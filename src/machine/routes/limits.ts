// How much may the routes of actors take of a node? Decides no outcome.

/** Requests of one actor that are under way at once, answers that are still being read among them. */
export const requestsMax = 256
/** Of all actors. */
export const requestsOfAllMax = 1024
/** What routes of one actor ask of the cluster at once; more wait in their thread. */
export const askingMax = 256
/** An answer that is there at once, and not longer, goes as one message. */
export const wholeBytesMax = 1024 * 1024
/** Of a longer one so much is on its way between the threads at once. */
export const chunkBytesMax = 256 * 1024
/** How long requests may go on in a version that another one has taken the place of. */
export const partingMillisMax = 10_000
/** So old may what is known be of which version is active. */
export const knownMillisMax = 10
/** How often it is looked whether what runs is still active. */
export const lookMillis = 1_000
/** Of four parts of a processor that is wanted by both, the node gets three: clients wait for these. */
export const niceness = 5
/** Headers of one request or answer that goes from thread to thread. Of many more a node would have to do for seconds. */
export const headersMax = 256
/** Their names and values together, in characters. */
export const headersLengthMax = 64 * 1024
