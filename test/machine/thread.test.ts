// What does a thread of its own add to the machine: edited files, reducers that hang, and its own end.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { MachineHost } from "../../src/machine/MachineHost.ts"
import { callOn, openThread } from "../../src/machine/MachineThread.ts"
import { ActorsRefused } from "../../src/machine/Registry.ts"
import { command, entry } from "./Bench.ts"
import {
  actorsOf,
  add,
  base,
  offerOwn,
  places,
  propose,
  removeTemporary,
  run,
  source,
  temporary,
  value,
  worker,
} from "./places.ts"

// The machine may be busy, and a thread takes its time to begin.
setDefaultTimeout(30_000)

afterEach(removeTemporary)

describe("the machine's thread", () => {
  test("that dies fails all that is asked of it, then and later; another one goes on", () =>
    Effect.gen(function* () {
      const dying = new URL("./dyingThread.ts", import.meta.url)
      const [one, other] = [yield* openThread(dying), yield* openThread(dying)]
      const [askOne, askOther] = [callOn(one, "a"), callOn(other, "b")]
      expect(yield* askOne("position", null)).toBeNull()
      const asked = [Effect.flip(askOne("status", null)), Effect.flip(askOne("flush", null))]
      const ended = { reason: "failed", message: "the machine's thread ended" }
      expect(yield* Effect.all(asked, { concurrency: "unbounded" })).toMatchObject([ended, ended])
      expect(yield* Effect.flip(askOne("position", null))).toMatchObject(ended)
      expect(yield* askOther("position", null)).toBeNull()
    }).pipe(Effect.scoped, Effect.runPromise))

  test("runs an edited file only once the log says so, and what came before as it did (HAZARDS D7)", async () => {
    const place = places.worker!()
    const before = await run(
      place.layer(source(1)),
      Effect.fnUntraced(function* (host) {
        yield* propose(host, base + 1, [add(5)])
        yield* host.flush
        return yield* host.stateHash
      }),
    )
    await run(
      place.layer(source(10)),
      Effect.fnUntraced(function* (host) {
        expect(yield* host.stateHash).toEqual(before)
        expect(yield* propose(host, base + 2, [add(5)])).toMatchObject([{ result: "10" }])
        yield* offerOwn(host)
        expect(yield* propose(host, base + 3 + base, [add(5)])).toMatchObject([{ result: "60" }])
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

  test("takes nothing of its host away from itself: there is no process to end in there", async () => {
    await run(
      places.worker!().layer(),
      Effect.fnUntraced(function* (host) {
        const given = [command({ command: "exits" }), add(1)]
        expect(yield* propose(host, base + 1, given)).toMatchObject([
          { code: "rejected", detail: expect.stringContaining("process.exit is closed to reducers") },
          { result: "1" },
        ])
      }),
    )
  })

  test("with a reducer in an endless loop ends with its scope all the same", async () => {
    await run(
      places.worker!().layer(),
      Effect.fnUntraced(function* (host) {
        yield* propose(host, base + 1, [add(1)])
        const [admission] = yield* host.admit([encodeCommand(command({ command: "endless" }))])
        const data = admission?._tag === "Admitted" ? admission.command : new Uint8Array(0)
        yield* Effect.forkChild(Effect.ignore(host.apply([entry(base + 2, data)])))
        // Others are answered meanwhile, from before it.
        expect(yield* value(host)).toBe(1)
      }),
    )
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
