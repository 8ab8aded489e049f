// How long may an answer take, and how much memory?

import { Effect } from "effect"
import { type CompartmentFault, fault, tooMuchMemory } from "./Compartment.ts"
import type { Usage } from "./usage.ts"

/**
 * Fails once the request that is under way has had too much.
 *
 * What counts is what the thread has computed: on a machine that is busy with other things a short request takes
 * long, and is no loop. That a thread only waits, for the CPU most likely, or that nobody knows what it computes, is met
 * by a limit on the time that passes, which is generous. It is counted in looks, not by a clock: while this thread does
 * not come to look, no time passes either.
 */
export const outOfPatience = Effect.fnUntraced(function* (
  usage: Usage,
  deadlineMillis: number,
  memoryBytesMax: number,
): Effect.fn.Return<never, CompartmentFault> {
  let begunAt: number | null = null
  for (let passed = lookMillis; ; passed += lookMillis) {
    yield* Effect.sleep(lookMillis)
    const resident = usage.residentBytes() ?? 0
    if (resident > memoryBytesMax) return yield* tooMuchMemory(resident, memoryBytesMax)
    const cpu = usage.cpuMillis()
    begunAt ??= cpu
    const computed = (cpu ?? 0) - (begunAt ?? 0)
    if (computed >= deadlineMillis)
      return yield* fault("deadline", `it computed for ${Math.floor(computed)} ms`)
    if (passed < deadlineMillis * passingFactor) continue
    return yield* cpu === null
      ? fault("deadline", `no answer after ${passed} ms`)
      : fault("starved", `no answer after ${passed} ms, in which it computed for ${Math.floor(computed)} ms`)
  }
})

/** In which the fastest code takes some ten MB. */
const lookMillis = 5
const passingFactor = 10
