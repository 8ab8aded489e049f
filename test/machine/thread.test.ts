// What does a thread of its own add to the machine: old code, hung reducers, and its own end.

import { afterEach, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { MachineHost } from "../../src/machine/MachineHost.ts"
import { ActorsRefused } from "../../src/machine/Registry.ts"
import { command, entry } from "./Bench.ts"
import { actorsOf, add, places, propose, removeTemporary, run, source, temporary, worker } from "./places.ts"

afterEach(removeTemporary)

describe("the machine's thread", () => {
  test("runs old entries with the code that they were admitted for, after an edit (HAZARDS D7)", async () => {
    const place = places.worker!()
    const data = await run(
      place.layer(source(1)),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(add(5))])
        return admission?._tag === "Admitted" ? admission.command : null
      }),
    )
    await run(
      place.layer(source(10)),
      Effect.fnUntraced(function* (host) {
        expect(yield* host.apply([entry(1, data!)])).toMatchObject([{ result: "5" }])
        expect(yield* propose(host, 2, [add(5)])).toMatchObject([{ result: "55" }])
      }),
    )
  })

  test("refuses code that the log names and this node never had", async () => {
    const data = await run(
      places.worker!().layer(source(1)),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(add(5))])
        return admission?._tag === "Admitted" ? admission.command : null
      }),
    )
    await run(
      places.worker!().layer(source(10)),
      Effect.fnUntraced(function* (host) {
        const failure = yield* Effect.flip(host.apply([entry(1, data!)]))
        expect(failure.message).toContain('entry 1 runs the actor "counter" at version')
        expect(failure.message).toContain("start every node with the same actors directory")
      }),
    )
  })

  test("lives on when a reducer leaves a promise behind that fails", async () => {
    const directory = temporary()
    const actors = actorsOf(directory, source(1))
    // A process of its own: the test runner takes note of every failed promise, also in threads.
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "leftBehind.ts"), directory, actors], {
      stdout: "pipe",
      stderr: "inherit",
    })
    expect(await new Response(child.stdout).text()).toBe("Accepted null\nAccepted 1\n")
    expect(await child.exited).toBe(0)
  })

  test("whose end fails everything that waits and everything after", async () => {
    await run(
      places.worker!().layer(),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(command({ command: "exits" }))])
        const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
        const failure = yield* Effect.flip(host.apply([entry(1, data)]))
        expect(failure).toMatchObject({ operation: "apply", message: "the machine's thread ended" })
        expect(yield* Effect.flip(host.status)).toMatchObject({ operation: "status" })
      }),
    )
  })

  test("hung in a reducer's loop ends with its scope all the same", async () => {
    const started = Bun.nanoseconds()
    await run(
      places.worker!().layer(),
      Effect.fnUntraced(function* (host) {
        const [admission] = yield* host.admit([encodeCommand(command({ command: "endless" }))])
        const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
        // Sent, and never answered.
        Effect.runFork(Effect.ignore(host.apply([entry(1, data)])))
      }),
    )
    expect((Bun.nanoseconds() - started) / 1e6).toBeLessThan(3_000)
  })

  test("names all broken files before it starts", async () => {
    const directory = temporary()
    const actors = actorsOf(directory, "export default 1")
    writeFileSync(join(actors, "b.ts"), "throw new Error('early')")
    const refused = await Effect.runPromise(
      Effect.flip(
        Effect.flatMap(MachineHost, Effect.succeed).pipe(Effect.provide(worker(directory, actors))),
      ),
    )
    expect(refused).toBeInstanceOf(ActorsRefused)
    expect(String(refused)).toContain("counter: its default export is not an actor")
    expect(String(refused)).toContain("b: it fails when loaded: early")
  })
})
