// How is one thing done with many groups, when all of them at once would be too many?

/**
 * In the order of the items; at most `max` are under way at once. When one throws no further one is begun, and its error is
 * thrown when those under way have ended.
 */
export const fewAtOnce = async <A, B>(
  items: ReadonlyArray<A>,
  max: number,
  work: (item: A) => Promise<B>,
): Promise<ReadonlyArray<B>> => {
  const results = new Array<B>(items.length)
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++
      try {
        results[at] = await work(items[at]!)
      } catch (cause) {
        next = items.length
        throw cause
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(max, items.length) }, worker))
  const failed = ended.find(({ status }) => status === "rejected")
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
  return results
}

/** Groups that are given work at once. */
export const groupsAtOnce = 16
/** Groups that are waited for at once, until this node has come as far as the others: that costs time, and hardly anything else. */
export const waitsAtOnce = 128
