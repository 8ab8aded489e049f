// What does a machine make of a checkpoint? It notes what its state has come to, and changes nothing.

import { afterEach, describe, expect, test } from "bun:test"
import { Effect } from "effect"
import counter from "../../actors/counter.ts"
import { decodeCommand } from "../../src/machine/command.ts"
import { isActorName, registryOf } from "../../src/machine/Registry.ts"
import { checkpointCommand, checkpointsMax, isCheckpoint } from "../../src/machine/system/checkpoint.ts"
import { Bench, command, entry } from "./Bench.ts"
import { add, base, places, propose, removeTemporary, run } from "./places.ts"

afterEach(removeTemporary)

const registry = registryOf({ counter })

test("it is a command of an actor that nobody can have", () => {
  const actor = decodeCommand(checkpointCommand)!.actor
  expect(actor).toBe("$checkpoint")
  expect(isActorName(actor)).toBe(false)
})

test("it is known by its bytes, and by its kind", () => {
  const other = checkpointCommand.slice()
  other[other.length - 1]! ^= 1
  expect(isCheckpoint(entry(1, checkpointCommand))).toBe(true)
  expect(isCheckpoint(entry(1, checkpointCommand.slice()))).toBe(true)
  expect(isCheckpoint(entry(1, checkpointCommand, 1, "noop"))).toBe(false)
  expect(isCheckpoint(entry(1, checkpointCommand.slice(0, -1)))).toBe(false)
  expect(isCheckpoint(entry(1, other))).toBe(false)
})

describe("a checkpoint", () => {
  test("is noted with the hash after it, and leaves state, outcomes and hash as they were (D1)", () => {
    const at = new Bench(registry)
    at.propose(command({ json: { by: 3 } }))
    const before = at.machine.stateHash()
    expect(at.applyBytes(checkpointCommand)).toBeNull()
    expect(at.machine.stateHash()).toEqual({ index: 2, hash: before.hash })
    expect(at.machine.status()).toMatchObject({ appliedIndex: 2, outcomes: 1 })
    at.propose(command({ json: { by: 4 } }))
    at.applyBytes(checkpointCommand)
    const { hash } = at.machine.stateHash()
    expect(hash).not.toBe(before.hash)
    expect(at.machine.checkpoints()).toEqual([
      { index: 2, hash: before.hash },
      { index: 4, hash },
    ])
  })

  test("is executed as often as it comes: it has no idempotency key", () => {
    const at = new Bench(registry)
    for (let times = 0; times < 3; times++) at.applyBytes(checkpointCommand)
    expect(at.machine.checkpoints().map(({ index }) => index)).toEqual([1, 2, 3])
  })

  test("says of the state what it was there, also in the middle of a batch", () => {
    const [at, other] = [new Bench(registry), new Bench(registry)]
    const adding = (at.admit(command({ json: { by: 1 } })) as { command: Uint8Array }).command
    const later = (at.admit(command({ json: { by: 2 } })) as { command: Uint8Array }).command
    at.machine.apply([entry(1, adding), entry(2, checkpointCommand), entry(3, later)])
    other.applyBytes(adding)
    expect(at.machine.checkpoints()).toEqual([{ index: 2, hash: other.machine.stateHash().hash }])
    expect(at.machine.stateHash().hash).not.toBe(other.machine.stateHash().hash)
  })

  test("is forgotten when newer ones have come, and with the state in memory", () => {
    const at = new Bench(registry)
    for (let times = 0; times < checkpointsMax + 3; times++) at.applyBytes(checkpointCommand)
    const indexes = at.machine.checkpoints().map(({ index }) => index)
    expect([indexes[0], indexes.length]).toEqual([4, checkpointsMax])
    at.machine.flush()
    at.restart()
    expect(at.machine.position().index).toBe(checkpointsMax + 3)
    expect(at.machine.checkpoints()).toEqual([])
  })
})

for (const [name, make] of Object.entries(places)) {
  test(`a machine host tells of its checkpoints (${name})`, async () => {
    await run(
      make().layer(),
      Effect.fnUntraced(function* (host) {
        expect(yield* host.checkpoints).toEqual([])
        yield* propose(host, base + 1, [add(1)])
        const waiting = yield* host.apply([entry(base + 2, checkpointCommand)])
        expect(waiting).toEqual([null])
        const { hash } = yield* host.stateHash
        yield* propose(host, base + 3, [add(1)])
        expect(yield* host.checkpoints).toEqual([{ index: base + 2, hash }])
      }),
    )
  })
}
