// How does a test wait for what other processes do? For a condition, with a limit; never for a time.

export const sleep = (millis: number): Promise<void> => Bun.sleep(millis)

/** Nothing will come any more: who waits need not wait on. */
export class Hopeless extends Error {
  override readonly name = "Hopeless"
}

/** The first answer that is not null. Fails after `millisMax`, with what was waited for and what came last. */
export const until = async <A>(
  what: string,
  look: () => Promise<A | null> | A | null,
  millisMax = 20_000,
): Promise<A> => {
  const end = performance.now() + millisMax
  let last: unknown = null
  for (;;) {
    try {
      const found = await look()
      if (found !== null) return found
    } catch (error) {
      if (error instanceof Hopeless) throw error
      last = error
    }
    if (performance.now() > end) {
      throw new Error(`waited ${millisMax} ms in vain for ${what}`, { cause: last })
    }
    await sleep(25)
  }
}
