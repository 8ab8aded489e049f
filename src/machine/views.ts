// What state does a reducer or a query see? Always what the canonical text decodes to, never what an earlier
// reducer happened to return: a replica that has just restarted must see the same, down to the order of keys.

import { Result } from "effect"
import type { Json } from "./actor.ts"
import { freezeDeep, type Issue } from "./Coder.ts"
import type { Instance } from "./Instance.ts"
import { parseCanonical } from "./json.ts"
import type { LoadedActor } from "./Registry.ts"

/** Fails when the state was written by code with another idea of it. */
export const viewState = (
  actor: LoadedActor,
  instance: Instance | undefined,
): Result.Result<unknown, ReadonlyArray<Issue>> => {
  if (instance === undefined) return decode(actor, parseCanonical(actor.initialText), () => {})
  if (instance.view !== null && instance.view.of === actor) return Result.succeed(instance.view.value)
  return decode(actor, instance.json, (value) => {
    instance.view = { of: actor, value }
  })
}

const decode = (
  actor: LoadedActor,
  json: Json,
  keep: (value: unknown) => void,
): Result.Result<unknown, ReadonlyArray<Issue>> => {
  const decoded = actor.state.decode(json)
  // What cannot be frozen is decoded anew each time, so that nobody can spoil it for the next (HAZARDS D8).
  if (Result.isSuccess(decoded) && freezeDeep(decoded.success)) keep(decoded.success)
  return decoded
}
