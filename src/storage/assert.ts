// What does the store say when its caller asks for what cannot be?

/** Our own mistake, not the disk's: nothing was written, and the store goes on. */
export class BrokenCode extends Error {
  override readonly name = "BrokenCode"
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BrokenCode(message)
}
