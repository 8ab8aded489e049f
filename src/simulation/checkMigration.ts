// Do the stored states of one version come to another one, and back? Each is brought there as the machine does it.

import type { Actor, Json } from "../machine/actor.ts"
import type { StateOf } from "../machine/actorTypes.ts"
import { defaultLimits } from "../machine/limits.ts"
import { manifestOf } from "../machine/manifest.ts"
import { stepsDownMissing } from "../machine/system/versions.ts"
import { type ActorCode, Codes } from "./Codes.ts"
import { DoubleRunner } from "./DoubleRunner.ts"
import { type JsonDifference, jsonDifferences, shown } from "./jsonDifferences.ts"
import { Misfit, States } from "./States.ts"
import { Violation } from "./Violation.ts"

export interface MigrationOptions<From extends Actor = Actor, To extends Actor = Actor> {
  /** What wrote the states. */
  readonly from: ActorCode<From>
  readonly to: ActorCode<To>
  /** As they are stored, and as `GET /read/{actor}/{key}` shows them. */
  readonly states: ReadonlyArray<StateOf<From>>
  /** The way back may lose something: what comes back otherwise is reported, and no violation. */
  readonly lossy?: boolean
}

export interface MigrationReport<State = Json> {
  /** What each state becomes, in order. */
  readonly states: ReadonlyArray<State>
  /** Whether instances that the new version has written can be rolled back, and which of its steps have no `down`. */
  readonly rollback: { readonly possible: boolean; readonly withoutStep: ReadonlyArray<number> }
  /** What does not come back as it was. */
  readonly lost: ReadonlyArray<JsonDifference & { /** Offset in `states`. */ readonly state: number }>
}

/**
 * Brings recorded states to another version: by its `migrate`, through its schema, twice. Where a way leads back they
 * are brought back as well, and must be what they were. What fails is thrown as one {@link Violation} that names the
 * states and the paths.
 */
export const checkMigration = <From extends Actor, To extends Actor>(
  options: MigrationOptions<From, To>,
): MigrationReport<StateOf<To>> => {
  const codes = new Codes()
  const [from, to] = [codes.add("actor", options.from), codes.add("actor", options.to)]
  const withoutStep = stepsDownMissing(manifestOf(to.load()), from.load().declared)
  const walk = new States(doubleRunner(codes))
  const states: Array<Json> = []
  const lost: Array<MigrationReport["lost"][number]> = []
  const failures: Array<string> = []
  for (const [state, given] of options.states.entries()) {
    const name = `state ${state + 1} of ${options.states.length}`
    try {
      const before = walk.adopt(name, given, from)
      const after = walk.bring(name, before, from, to)
      states.push(JSON.parse(after))
      if (withoutStep.length > 0) continue
      const back = walk.bring(name, after, to, from)
      for (const difference of jsonDifferences(JSON.parse(before), JSON.parse(back))) {
        lost.push({ state, ...difference })
        if (options.lossy === true) continue
        const { path, before: was, after: is } = difference
        failures.push(
          `${name} comes back otherwise: at ${path || "the whole"}: ${shown(is)} against ${shown(was)}`,
        )
      }
    } catch (error) {
      if (!(error instanceof Misfit)) throw error
      failures.push(error.message)
    }
  }
  if (failures.length > 0) throw new Violation("migration", messageOf(failures))
  return {
    states: states as Array<StateOf<To>>,
    rollback: { possible: withoutStep.length === 0, withoutStep },
    lost,
  }
}

const doubleRunner = (codes: Codes): DoubleRunner =>
  new DoubleRunner({
    open: () => codes.open(),
    limits: defaultLimits,
    found: (violation) => {
      throw violation
    },
  })

const messageOf = (failures: ReadonlyArray<string>): string =>
  [
    ...failures.slice(0, failuresMax),
    ...(failures.length > failuresMax ? [`and ${failures.length - failuresMax} more`] : []),
  ].join("\n")

const failuresMax = 10
