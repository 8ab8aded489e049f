// What state does a reducer or a query see? Always what the canonical text decodes to, never what an earlier
// reducer happened to return: a replica that has just restarted must see the same, down to the order of keys.
// What another version wrote is brought to this one first.

import { Result } from "effect"
import type { Json } from "./actor.ts"
import { freezeDeep } from "./Coder.ts"
import { rethrowFault } from "./HostFault.ts"
import type { Instance } from "./Instance.ts"
import { canonicalise, parseCanonical } from "./json.ts"
import type { Actors, LoadedActor } from "./Registry.ts"
import { incompatibleState, type Reason, thrown } from "./refusals.ts"

/** Fails when the state was written by code with another idea of it. */
export const viewState = (
  actors: Actors,
  actor: LoadedActor,
  instance: Instance | undefined,
): Result.Result<unknown, Reason> => {
  if (instance === undefined) return decode(actor, parseCanonical(actor.initialText), () => {})
  if (instance.view !== null && instance.view.of === actor) return Result.succeed(instance.view.value)
  const state = migrate(actors, actor, instance)
  if (Result.isFailure(state)) return Result.fail(state.failure)
  return decode(actor, state.success, (value) => {
    instance.view = { of: actor, value }
  })
}

/** The stored state as `actor` has it, encoded: step by step from the version that wrote it. */
const migrate = (actors: Actors, actor: LoadedActor, instance: Instance): Result.Result<Json, Reason> => {
  if (instance.version === actor.version) return Result.succeed(instance.json)
  const writer = actors.find(actor.name, instance.version)
  if (writer === undefined) return Result.succeed(instance.json)
  let state = instance.json
  for (let from = writer.declared; from < actor.declared; from++) {
    const up = actor.migrations.get(from + 1)?.up
    // A version whose states fit the next one's shape needs no step; whether they do, the schema says.
    if (up === undefined) continue
    const stepped = step(up, state, `to version ${from + 1}`)
    if (Result.isFailure(stepped)) return stepped
    state = stepped.success
  }
  for (let from = writer.declared; from > actor.declared; from--) {
    const down = writer.migrations.get(from)?.down ?? null
    if (down === null) continue
    const stepped = step(down, state, `down from version ${from}`)
    if (Result.isFailure(stepped)) return stepped
    state = stepped.success
  }
  return Result.succeed(state)
}

const step = (run: (state: Json) => unknown, state: Json, where: string): Result.Result<Json, Reason> => {
  try {
    return Result.succeed(canonicalise(run(state)).json)
  } catch (error) {
    rethrowFault(error, `the migration ${where}`)
    return Result.fail(thrown("migration-failed", error, `The state cannot be brought ${where}: `))
  }
}

const decode = (
  actor: LoadedActor,
  json: Json,
  keep: (value: unknown) => void,
): Result.Result<unknown, Reason> => {
  const decoded = actor.state.decode(json)
  if (Result.isFailure(decoded)) return Result.fail(incompatibleState(decoded.failure))
  // What cannot be frozen is decoded anew each time, so that nobody can spoil it for the next (HAZARDS D8).
  if (freezeDeep(decoded.success)) keep(decoded.success)
  return Result.succeed(decoded.success)
}
