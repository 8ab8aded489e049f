// Who brings a move of keys to its end? The node that leads the group which gives them away, from wherever the move stands, again
// and again until it is over: who led before may have died at any step.

import { Effect, Random } from "effect"
import type { GroupId, Index } from "../consensus/types.ts"
import type { Outcome } from "../machine/outcome.ts"
import { encodeSystem, type SystemInput, type SystemName } from "../machine/system/commands.ts"
import type { Move } from "../machine/system/Whereabouts.ts"
import type { Observer } from "../raft/observer.ts"
import type { Failure } from "../raft/Raft.ts"
import type { RunningGroup } from "./Groups.ts"
import { heardMain as heard } from "./hearing.ts"
import { type MoveStep, nextStep } from "./moving.ts"

/** How often a move that is under way is looked at, and for how long an answer is waited for. */
const LOOK_MILLIS = 100
const ANSWER_MILLIS = 5_000
/** Of different actors. */
const MOVES_MAX = 4

export interface MoverOptions {
  readonly main: RunningGroup
  /** Undefined: this node does not run it. */
  readonly find: (group: GroupId) => RunningGroup | undefined
  /** Actors of which keys are on their way, as far as this node's `main` has come. */
  readonly moving: () => ReadonlyArray<string>
  /** Until there are any. */
  readonly moves: Effect.Effect<void>
  /** The group that gives them away, as far as this node's `main` has come; null: there is none. */
  readonly giverOf: (actor: string) => GroupId | null
  readonly observer: Observer
}

export const mover = Effect.fnUntraced(function* (options: MoverOptions) {
  /** Whose move was told of, and what was said last. */
  const told = new Map<string, string>()
  while (true) {
    yield* options.moves
    yield* Effect.forEach(options.moving(), (actor) => drive({ ...options, told }, actor), {
      concurrency: MOVES_MAX,
      discard: true,
    })
    yield* Effect.sleep(LOOK_MILLIS)
  }
})

interface Driver extends MoverOptions {
  readonly told: Map<string, string>
}

/** As far as it goes for now. */
const drive = Effect.fnUntraced(function* (driver: Driver, actor: string) {
  const { main, find } = driver
  while (true) {
    const from = driver.giverOf(actor)
    const giver = from === null ? undefined : find(from)
    if (giver?.raft.glance().serving !== true) return
    const move = yield* moveOf(main, actor)
    if (move === undefined) return
    if (move === null) return tell(driver, actor, "main does not answer")
    if (move.from !== from) return
    const taker = find(move.to)
    if (taker === undefined) return tell(driver, actor, `this node does not run the group ${move.to} yet`)
    const [given, taken] = yield* Effect.all([shardOf(giver, actor), shardOf(taker, actor)], {
      concurrency: "unbounded",
    })
    if (given === unheard || taken === unheard) {
      return tell(driver, actor, `the group ${given === unheard ? move.from : move.to} does not answer`)
    }
    const step = nextStep(move, given, taken)
    tell(driver, actor, step.type)
    const problem = yield* take({ main, giver, taker }, actor, move, step)
    if (problem !== null) return tell(driver, actor, problem)
  }
})

interface Groups {
  readonly main: RunningGroup
  readonly giver: RunningGroup
  readonly taker: RunningGroup
}

/** Null when it was done; a text: why it was not. */
const take = (
  { main, giver, taker }: Groups,
  actor: string,
  { id: move, to, slots }: Move,
  step: MoveStep,
): Effect.Effect<string | null> => {
  const done = (asking: Effect.Effect<Answer>) => Effect.map(asking, ({ problem }) => problem)
  switch (step.type) {
    case "release":
      return done(propose(giver, "$shard/release", actor, { move, to, slots }))
    case "handOver":
      return handOver(giver, taker, actor, { move, slots, step })
    case "assign":
      return done(propose(main, "$place/assign", actor, { move }))
    case "drop":
      return done(propose(giver, "$shard/drop", actor, { move }))
    case "finish":
      return done(propose(main, "$place/finish", actor, { move }))
    case "abandon":
      return done(propose(main, "$place/abandon", actor, { move, reason: step.reason }))
    case "unclear":
      return Effect.succeed("what the groups say does not fit together")
  }
}

/** Portion after portion, and the last word when all are there. */
const handOver = Effect.fnUntraced(function* (
  giver: RunningGroup,
  taker: RunningGroup,
  actor: string,
  given: {
    readonly move: Index
    readonly slots: Move["slots"]
    readonly step: Extract<MoveStep, { readonly type: "handOver" }>
  },
) {
  const { move, slots, step } = given
  let { portion, cursor } = step
  for (;;) {
    const asked = { actor, move, cursor }
    const next = yield* Effect.orElseSucceed(giver.machine.portion(asked), () => null)
    // Its state is in repair, or somebody else has gone on.
    if (next === null) return `the group ${giver.raft.group} hands over nothing just now`
    cursor = next.cursor
    // The first one also when there is nothing: by it the other group learns that it is to have the keys.
    if (next.items.length > 0 || portion === 0) {
      const { items, isOpen } = next
      const input = { move, from: giver.raft.group, slots, portion, items, isOpen, cursor }
      const { problem, result } = yield* propose(taker, "$shard/take", actor, input)
      if (problem !== null) return problem
      const there = result as {
        readonly isOver: boolean
        readonly portions?: number
        readonly cursor?: string
      }
      // Somebody else drives it too, or did: what is there is looked at anew.
      if (there.isOver || there.portions !== portion + 1) return null
      portion = there.portions
      // That of whoever came first: an answer that was forgotten meanwhile makes another portion.
      if (there.cursor !== cursor) {
        cursor = there.cursor!
        continue
      }
    }
    if (!next.isDone) continue
    const adopting = { move, portions: portion, digest: next.digest, time: step.time }
    return (yield* propose(taker, "$shard/adopt", actor, adopting)).problem
  }
})

/** Undefined: none is under way; null: nobody knows. */
const moveOf = Effect.fnUntraced(function* ({ raft, machine }: RunningGroup, actor: string) {
  if (!(yield* heard(raft, raft.now() + ANSWER_MILLIS))) return null
  const said = yield* Effect.orElseSucceed(machine.places, () => null)
  return said === null ? null : said.places.find((place) => place.actor === actor)?.move
})

/** All that was committed there before it was asked. */
const shardOf = Effect.fnUntraced(function* ({ raft, machine }: RunningGroup, actor: string) {
  if (!(yield* heard(raft, raft.now() + ANSWER_MILLIS))) return unheard
  return yield* Effect.orElseSucceed(machine.shard(actor), () => unheard)
})

const unheard = "unheard" as const

interface Answer {
  /** Null: it is in the log, and was not refused. */
  readonly problem: string | null
  readonly result: unknown
}

const propose = Effect.fnUntraced(function* <Name extends SystemName>(
  { raft }: RunningGroup,
  name: Name,
  key: string,
  input: SystemInput<Name>,
) {
  // Each attempt is judged by what the group is then: none is taken for an earlier one.
  const [one, other] = [yield* Random.nextInt, yield* Random.nextInt]
  const command = encodeSystem(name, { key, input, id: `move:${one}:${other}`, door: "" })
  const answer = yield* Effect.callback<Outcome | Failure>((resume) =>
    raft.propose([
      {
        command,
        deadline: raft.now() + ANSWER_MILLIS,
        forward: true,
        answer: (given) => resume(Effect.succeed(given)),
      },
    ]),
  )
  return answer._tag === "Accepted"
    ? ({ problem: null, result: JSON.parse(answer.result) } satisfies Answer)
    : ({ problem: `${name} in ${raft.group}: ${answer.detail}`, result: null } satisfies Answer)
})

/** Once, however often the same is so. */
const tell = ({ told, observer }: Driver, actor: string, step: string): void => {
  if (told.get(actor) === step) return
  told.set(actor, step)
  observer.event("keys are on their way to another group", { actor, step })
}
