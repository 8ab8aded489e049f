// What if the code itself is wrong? Then the node stops, loudly, with the two numbers that disagree.

/** Broken code: an invariant does not hold. Never caught, never retried. */
export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken"
}

export function assert(
  condition: boolean,
  invariant: string,
  ...numbers: ReadonlyArray<unknown>
): asserts condition {
  if (!condition) throw new InvariantBroken(`${invariant}: ${numbers.map(String).join(" against ")}`)
}
