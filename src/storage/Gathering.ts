// How do the writes of many groups share one transaction and one sync?

import { Deferred, Effect, Exit } from "effect"
import type { GroupId } from "../consensus/types.ts"
import { entryBytes } from "./entryCodec.ts"
import type { GroupWrite } from "./LogStore.ts"
import { StorageFull } from "./LogStore.ts"
import type { LogCall, LogError } from "./logProtocol.ts"

/** Of entries; an ask that is larger leaves alone. */
export const gatheredBytesMax = 8_388_608

/** One call of `LogStore.write`: all of it is written, or nothing. */
export interface Ask {
  readonly batch: ReadonlyArray<GroupWrite>
  readonly bytes: number
  readonly done: Deferred.Deferred<void, LogError>
  /** Who asked is gone, and it was not on its way: what is loaded of its groups from now on must not change any more. */
  isWithdrawn: boolean
}

/**
 * While one batch is on its way to the disk, what is asked for gathers; when it returns, that leaves as one batch. With
 * nothing under way a write leaves at once, on the caller's own fiber. What is on its way ends although nobody waits for
 * it any more, and so does what was begun behind it.
 */
export class Gathering {
  readonly #call: LogCall
  readonly #waiting = new Waiting()
  #isUnderWay = false

  constructor(call: LogCall) {
    this.#call = call
  }

  write(batch: ReadonlyArray<GroupWrite>): Effect.Effect<void, LogError> {
    return Effect.suspend(() => {
      const bytes = batch.reduce(
        (sum, { write }) => write.entries.reduce((all, each) => all + entryBytes(each), sum),
        0,
      )
      const ask: Ask = { batch, bytes, done: Deferred.makeUnsafe(), isWithdrawn: false }
      this.#waiting.add(ask)
      const answer = Effect.onInterrupt(Deferred.await(ask.done), () =>
        Effect.sync(() => {
          ask.isWithdrawn = true
        }),
      )
      if (this.#isUnderWay) return answer
      this.#isUnderWay = true
      return Effect.andThen(Effect.forkDetach(this.#life, { startImmediately: true }), answer)
    })
  }

  readonly #life: Effect.Effect<void> = Effect.gen({ self: this as Gathering }, function* () {
    for (let asks = this.#waiting.take(); asks.length > 0; asks = this.#waiting.take())
      yield* this.#writeOut(asks)
    this.#isUnderWay = false
  })

  readonly #writeOut = Effect.fnUntraced({ self: this as Gathering }, function* (asks: ReadonlyArray<Ask>) {
    const written = yield* Effect.exit(
      this.#call(
        "write",
        asks.flatMap(({ batch }) => batch),
      ),
    )
    if (asks.length === 1 || Exit.isSuccess(written) || hasFailed(written)) {
      for (const { done } of asks) Deferred.doneUnsafe(done, written)
      return
    }
    // Nothing of it was written, for want of room or by one caller's mistake: the entries of one group must not keep
    // another one's term and vote from the disk.
    const refused = new Set<GroupId>()
    for (const ask of asks) {
      const answer = yield* this.#writeAlone(ask, refused)
      if (Exit.isFailure(answer)) for (const { group } of ask.batch) refused.add(group)
      Deferred.doneUnsafe(ask.done, answer)
    }
  })

  /** `refused`: groups of which something earlier was not written, so that this would leave a gap. */
  #writeAlone(ask: Ask, refused: ReadonlySet<GroupId>): Effect.Effect<Exit.Exit<void, LogError>> {
    if (ask.isWithdrawn || ask.batch.some(({ group }) => refused.has(group))) {
      return Effect.succeed(Exit.fail(new StorageFull({ operation: "write" })))
    }
    return Effect.exit(this.#call("write", ask.batch))
  }
}

/**
 * What waits, in the order in which it leaves: of each group the oldest, then of each the next, as long as it fits. The
 * groups take turns: who left with one batch stands behind those who did not, so nobody's flood costs another group
 * more than one batch.
 */
export class Waiting {
  /** An ask of several groups stands in a stretch of its own: it keeps its place between those of each of them. */
  readonly #stretches: Array<Map<GroupId, Array<Ask>>> = []
  #isOpen = false

  add(ask: Ask): void {
    const groups = new Set(ask.batch.map(({ group }) => group))
    const isOfOne = groups.size === 1
    if (!this.#isOpen || !isOfOne) this.#stretches.push(new Map())
    this.#isOpen = isOfOne
    const stretch = this.#stretches.at(-1)!
    const group = isOfOne ? ask.batch[0]!.group : ""
    const before = stretch.get(group)
    if (before === undefined) stretch.set(group, [ask])
    else before.push(ask)
  }

  /** Empty when nothing waits. */
  take(): ReadonlyArray<Ask> {
    for (let stretch = this.#stretches[0]; stretch !== undefined; stretch = this.#stretches[0]) {
      const taken = takeFrom(stretch)
      if (stretch.size === 0) {
        this.#stretches.shift()
        if (this.#stretches.length === 0) this.#isOpen = false
      }
      if (taken.length > 0) return taken
    }
    return []
  }
}

const takeFrom = (stretch: Map<GroupId, Array<Ask>>): ReadonlyArray<Ask> => {
  const taken: Array<Ask> = []
  let bytes = 0
  // The map grows behind those that are looked at: a group that has more comes once more, in the next round.
  for (const [group, asks] of stretch) {
    while (asks[0]?.isWithdrawn === true) asks.shift()
    const next = asks[0]
    if (next !== undefined && taken.length > 0 && bytes + next.bytes > gatheredBytesMax) break
    stretch.delete(group)
    if (next === undefined) continue
    taken.push(next)
    bytes += next.bytes
    asks.shift()
    if (asks.length > 0) stretch.set(group, asks)
  }
  return taken
}

/** The disk has: nothing may be tried again (HAZARDS S2). */
const hasFailed = (exit: Exit.Failure<void, LogError>): boolean =>
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error._tag === "StorageFailed")
