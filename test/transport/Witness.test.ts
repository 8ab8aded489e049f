// Who remembers how far a log had come, and who is told?

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { Witness } from "../../src/transport/Witness.ts"
import { eventually, peerOf, run, startSocket } from "./support.ts"

const witnessAt = (sequence: number) => new Witness(() => ({ incarnation: "i-1", sequence }))

describe("a witness", () => {
  test("remembers the furthest of each data directory", () => {
    const witness = witnessAt(1)
    expect(witness.of("n2")).toEqual({ incarnation: "", sequence: 0 })
    witness.hears("n2", { incarnation: "i-2", sequence: 9 })
    witness.hears("n2", { incarnation: "i-2", sequence: 4 })
    expect(witness.of("n2")).toEqual({ incarnation: "i-2", sequence: 9 })
    // Wiped: another directory begins anew.
    witness.hears("n2", { incarnation: "i-3", sequence: 2 })
    expect(witness.of("n2")).toEqual({ incarnation: "i-3", sequence: 2 })
  })

  test("is told of its own directory alone", () => {
    const witness = witnessAt(5)
    witness.isTold({ incarnation: "i-0", sequence: 99 })
    expect(witness.told).toBe(0)
    witness.isTold({ incarnation: "i-1", sequence: 7 })
    witness.isTold({ incarnation: "i-1", sequence: 6 })
    expect(witness.told).toBe(7)
  })
})

test("a node that comes back with an older copy is told by whom it meets, whoever of the two dials (S6)", () =>
  run(
    Effect.gen(function* () {
      for (const dials of ["the old one", "the other"]) {
        const n2 = yield* startSocket("n2", { peers: { n1: { peer: "127.0.0.1:1", client: "" } } })
        yield* Effect.scoped(
          Effect.gen(function* () {
            const n1 = yield* startSocket("n1", { peers: { n2: n2.address }, sequence: () => 40 })
            yield* eventually("n2 is met", () => peerOf(n1, "n2").state === "open")
          }),
        )
        const peers =
          dials === "the old one" ? { n2: n2.address } : { n2: { peer: "127.0.0.1:1", client: "" } }
        const old = yield* startSocket("n1", { peers, sequence: () => 25 })
        if (dials === "the other") yield* n2.transport.connect({ n1: old.address }, 0)
        yield* eventually("it is told", () => old.transport.witnessed() === 40)
      }
    }),
  ))
