// What do the machine's own commands do?

import type { Entry } from "../../consensus/types.ts"
import type { Work } from "../Executor.ts"
import type { MachineState, Weighed } from "../execution.ts"
import type { Fault } from "../fault.ts"
import type { Outcome } from "../outcome.ts"
import * as refusals from "../refusals.ts"

/** The outcome of a command of the machine's own, or what failed while code of users ran for it. */
export function* executeSystem(
  state: MachineState,
  { command, slot }: Extract<Weighed, { type: "system" }>,
  entry: Entry,
  _now: number,
): Work<
  { readonly outcome: Outcome } | { readonly actor: string; readonly key: string; readonly fault: Fault }
> {
  const outcome = refusals.unknownActor(command.actor)
  state.outcomes.add(slot, command, entry, outcome)
  return { outcome }
}
