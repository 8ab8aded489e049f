// What of an error is not the code's own word, but its host's? How deep a stack reaches and how much memory there is
// differs from node to node: no outcome may follow from it (HAZARDS D5, D6).

import type { Fault } from "./fault.ts"

/** The host failed, and not what it ran. */
export class HostFault extends Error {
  override readonly name = "HostFault"
  readonly kind: Extract<Fault["kind"], "overflow" | "memory">

  constructor(kind: HostFault["kind"], where: string) {
    super(`${where}: ${kind === "overflow" ? "the stack ran over" : "memory was refused"}`)
    this.kind = kind
  }
}

/** Throws it on as the host's fault when it is one: of whatever ran `where`. */
export const rethrowFault = (error: unknown, where: string): void => {
  if (error instanceof HostFault) throw error
  if (isStackOverflow(error)) throw new HostFault("overflow", where)
  if (isOutOfMemory(error)) throw new HostFault("memory", where)
}

export const isStackOverflow = (error: unknown): boolean =>
  error instanceof RangeError && /call stack/i.test(error.message)

export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof RangeError && /out of memory/i.test(error.message)

/** How often memory was refused in this thread, as far as that is seen (`realm/allocations.ts`): code may catch it. */
export const refusalsOfMemory = (): number => refusals

export const noteRefusalOfMemory = (): void => {
  refusals++
}

let refusals = 0
