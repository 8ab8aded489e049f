// Does effect carry anything from one call to another, or from one actor to another? Everything that it exports is tried,
// so that a later version of effect cannot bring what nobody has looked at.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { bundleActor, bundleSource } from "../../src/machine/bundle.ts"
import { compartments } from "../../src/machine/compartments.ts"
import type { Ask } from "../../src/machine/Executor.ts"
import { Quarters } from "../../src/machine/inside/Quarters.ts"
import { defaultLimits } from "../../src/machine/limits.ts"
import { logTerms } from "../../src/machine/Premises.ts"
import { inProcess } from "./realmPlaces.ts"
import type { Probed } from "./realmProbes.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const probed = async (): Promise<ReadonlyArray<Probed>> => {
  const { code } = await Effect.runPromise(bundleActor(join(import.meta.dir, "realmProbes.ts"), "probes"))
  return (await inProcess(code)).map((answer) => {
    if ("throws" in answer) throw new Error(answer.throws)
    return answer.gives as Probed
  })
}

describe("what effect does for a module", () => {
  test("leaves nothing behind for others, neither in its own modules nor on what it gives", async () => {
    const all = await probed()
    const once = all.slice(0, all.length / 2)
    const again = all.slice(once.length).toReversed()
    // Of what is refused nothing can be seen: most of it must have come to something.
    expect(once.length).toBeGreaterThan(2_000)
    expect(once.filter(({ returned }) => returned > 0).length).toBeGreaterThan(once.length / 2)
    expect(all.flatMap(({ loose }) => loose)).toEqual([])
    expect(once.flatMap(({ name, text }, at) => (again[at]?.text === text ? [] : [name]))).toEqual([])
  }, 120_000)

  test("begins anew with each call, in the one process that all uploaded actors share", async () => {
    const { code } = await Effect.runPromise(bundleSource({ name: "first", source: countsFibers }))
    const quarters = new Quarters({
      ...logTerms,
      open: compartments.openChild,
      limits: defaultLimits,
    })
    try {
      const calls = ["first", "second", "first"].map((actor): Ask => ({ ...fibers, actor }))
      const replies = await Effect.runPromise(quarters.run({ space: 1, code: () => code }, calls, true))
      expect(replies).toEqual(calls.map(() => ({ type: "answered", text: "[1,2]" })))
    } finally {
      await Effect.runPromise(quarters.end)
    }
  })
})

const countsFibers = `
import { Effect, Schema } from "effect"
import { actor } from "raftlet"

const fiber = () => Effect.runSync(Effect.withFiber((one) => Effect.succeed(one.id)))
export default actor({
  version: 1,
  state: Schema.Null,
  initial: null,
  commands: {},
  queries: { fibers: { output: Schema.Array(Schema.Int), read: () => [fiber(), fiber()] } },
})`

const fibers: Ask = {
  type: "ask",
  actor: "",
  version: "v",
  instance: undefined,
  key: "a",
  query: "fibers",
  input: null,
  now: 0,
}
