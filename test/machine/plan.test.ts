// Does a plan come to an end, whatever the code does that it runs?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { bundleSource } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import type { Plan } from "../../src/machine/system/plan.ts"
import { command } from "./Bench.ts"
import { Housed } from "./Housed.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const counting = (version: number, by: string, more = "") => `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  const endless = (given) => endless(given) + 1
  export default actor({
    version: ${version},
    state: Schema.Int,
    initial: 0,
    commands: { add: { output: Schema.Int, reduce: (state) => ({ state: ${by}, result: ${by} }) } },
    ${more}
  })
`

const planOf = async (source: string): Promise<Plan> => {
  const machine = new Housed()
  await machine.deploy("counter", counting(1, "state + 1"))
  for (const key of "abc") await machine.propose(encodeCommand(command({ key, version: "" })))
  const { code } = await Effect.runPromise(bundleSource({ name: "counter", source }))
  const seen = await machine.inspect("counter", code)
  if (!("manifest" in seen)) throw new Error(seen.problem)
  const recorded = machine.log.map((bytes, at) => ({ index: at + 1, command: bytes }))
  const asked = { actor: "counter", ...seen, recorded }
  return (await Effect.runPromise(
    machine.premises.work(machine.tenant, machine.core.plan(asked), "door"),
  )) as Plan
}

test("a migration that never ends is asked once, and hinders", async () => {
  const plan = await planOf(counting(2, "state + 1", "migrate: { 2: endless }"))
  expect(plan.states).toMatchObject({ checked: 1, of: 3, isCutShort: true, failed: 1 })
  expect(plan.states.failures).toMatchObject([{ key: "a", code: "overflow" }])
  expect(plan.hindrances).toEqual(["1 of 1 stored states do not fit version 2"])
})

test("a command that never ends is run once", async () => {
  const plan = await planOf(counting(1, "endless(state)"))
  expect(plan.states).toMatchObject({ checked: 3, of: 3, isCutShort: false, failed: 0 })
  expect(plan.replay).toMatchObject({ commands: 1, same: 0, isCutShort: true })
  expect(plan.replay.different).toMatchObject([{ key: "a", before: "accepted: 2" }])
  expect(plan.replay.different[0]?.after).toBe("overflow: The command ran over the stack.")
})

test("a command that stands in the log several times was executed once, and is run once", async () => {
  const machine = new Housed()
  const version = await machine.deploy("counter", counting(1, "state + 1"))
  const sent = encodeCommand(command({ version: "" }))
  await machine.propose(sent)
  const recorded = [sent, sent, sent].map((bytes, at) => ({ index: 10 + at, command: bytes }))
  const asked = { actor: "counter", version, manifest: null, recorded }
  const plan = await Effect.runPromise(
    machine.premises.work(machine.tenant, machine.core.plan(asked), "door"),
  )
  expect((plan as Plan).replay).toMatchObject({ commands: 1, same: 1 })
})
