// What lies between consensus and a machine that runs elsewhere? A queue, some time, and somebody who looks on.

import { Effect, Layer, Semaphore } from "effect"
import type { Entry, Index } from "../consensus/types.ts"
import { type EventsAnswer, type EventsAsked, MachineHost } from "../machine/MachineHost.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { StatePosition } from "../storage/StateStore.ts"
import type { Chance } from "./Chance.ts"

/** Told of everything that a machine takes in. */
export interface MachineWatcher {
  readonly applied: (entries: ReadonlyArray<Entry>, outcomes: ReadonlyArray<Outcome | null>) => void
  readonly hashed: (index: Index, hash: string) => void
  /** These were applied: what those ask who look at the machine now, and what they are told. */
  readonly asks: (entries: ReadonlyArray<Entry>) => ReadonlyArray<EventsAsked>
  readonly told: (answer: EventsAnswer) => void
  readonly installed: (position: StatePosition) => void
  /** The state was given up: an empty one took its place. */
  readonly gaveUp: () => void
  /** The state was read, and nobody has the answer yet. True: the world goes on before anybody gets it. */
  readonly hasRead: () => boolean
}

/**
 * The machine as its thread would have it: one request after the other, each taking up to `millisMax`, so that
 * the world goes on while it works. Where users' code takes its time as well, whoever waits for it keeps nobody
 * else from the thread. Entries are applied as a batch or one by one, with the hash after each.
 */
export const layerBoundary = (options: {
  readonly chance: Chance
  readonly millisMax: number
  readonly isCodeApart: boolean
  readonly watcher: MachineWatcher
}): Layer.Layer<MachineHost, never, MachineHost> =>
  Layer.effect(
    MachineHost,
    Effect.map(MachineHost, (host) => {
      const { chance, millisMax, isCodeApart, watcher } = options
      const thread = Semaphore.makeUnsafe(1)
      const pass = (): Effect.Effect<void> => {
        const millis = chance.happens(0.5) ? 0 : chance.between(0, millisMax)
        return millis === 0 ? Effect.void : Effect.sleep(millis)
      }
      const ask = <A, E>(work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
        thread.withPermit(
          Effect.gen(function* () {
            yield* pass()
            const answer = yield* work
            yield* pass()
            return answer
          }),
        )
      /** What may run users' code; the entries come one batch after the other by themselves. */
      const askApart = <A, E>(work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
        isCodeApart
          ? Effect.gen(function* () {
              yield* thread.withPermit(pass())
              const answer = yield* work
              yield* pass()
              return answer
            })
          : ask(work)
      const apply = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>) {
        // The host answers only where an origin waits; who looks on wants every outcome.
        const waiting = entries.map((entry) => ({ ...entry, origin: {} }))
        const batches = chance.happens(0.3) ? [waiting] : waiting.map((entry) => [entry])
        const outcomes: Array<Outcome | null> = []
        for (const batch of batches) {
          const answers = yield* host.apply(batch)
          watcher.applied(batch.slice(0, answers.length), answers)
          const { index, hash } = yield* host.stateHash
          watcher.hashed(index, hash)
          const asked = watcher.asks(batch)
          if (asked.length > 0) watcher.told(yield* host.events(asked))
          outcomes.push(...answers)
          // It is stuck at the next one.
          if (answers.length < batch.length) break
        }
        return outcomes
      })
      return MachineHost.of({
        own: host.own,
        lost: host.lost,
        position: host.position,
        admit: (commands) => askApart(host.admit(commands)),
        trial: (commands) => askApart(host.trial(commands)),
        apply: (entries) => askApart(apply(entries)),
        foresee: (voided) => ask(host.foresee(voided)),
        query: (queries) =>
          askApart(
            Effect.tap(host.query(queries), () => (watcher.hasRead() ? Effect.yieldNow : Effect.void)),
          ),
        events: (asked) => askApart(host.events(asked)),
        flush: ask(host.flush),
        nextTimer: ask(host.nextTimer),
        due: (now, max) => ask(host.due(now, max)),
        stateHash: ask(host.stateHash),
        checkpoints: ask(host.checkpoints),
        // For a node's log alone: nothing that is decided waits for it.
        changes: host.changes,
        install: (snapshotId) =>
          Effect.tap(ask(host.install(snapshotId)), (position) =>
            Effect.sync(() => watcher.installed(position)),
          ),
        giveUp: Effect.tap(ask(host.giveUp), () => Effect.sync(() => watcher.gaveUp())),
        status: ask(host.status),
        inspect: (draft) => ask(host.inspect(draft)),
        plan: (asked) => askApart(host.plan(asked)),
        led: ask(host.led),
        routed: (actor) => ask(host.routed(actor)),
        code: (asked) => ask(host.code(asked)),
        actors: ask(host.actors),
        groups: ask(host.groups),
        places: ask(host.places),
        shard: (actor) => ask(host.shard(actor)),
        portion: (asked) => ask(host.portion(asked)),
      })
    }),
  )
