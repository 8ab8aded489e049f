// How long may code take, and how much stays where it runs? As docs/DEPLOYING.md says: before the log less than in it, and
// the operator's own more than what was uploaded.

import { expect, test } from "bun:test"
import { Effect } from "effect"
import { encodeCommand } from "../../src/machine/command.ts"
import { fault } from "../../src/machine/compartment/Compartment.ts"
import { unpackMessage } from "../../src/machine/inside/message.ts"
import { doorTerms, inspectionTerms, logTerms, ownTerms } from "../../src/machine/Premises.ts"
import { command } from "./Bench.ts"
import { Housed, openWithoutWalls } from "./Housed.ts"

interface Request {
  readonly place: "worker" | "child" | "nice child"
  readonly type: string
  readonly millis: number
}

/** Notes what each place is asked, and with which deadline. */
class Noted {
  readonly machine: Housed
  /** Whatever runs from now on does not end. */
  hangs = false
  #requests: Array<Request> = []

  constructor() {
    this.machine = new Housed(
      {},
      {
        openWorker: this.#open("worker"),
        openChild: this.#open("child"),
        openNiceChild: this.#open("nice child"),
      },
    )
  }

  /** What was asked since it was asked for last. */
  taken(): ReadonlyArray<Request> {
    const requests = this.#requests
    this.#requests = []
    return requests
  }

  #open(place: Request["place"]) {
    return Effect.map(openWithoutWalls, (compartment) => ({
      ...compartment,
      call: (request: Uint8Array, millis: number) => {
        const { type } = unpackMessage(request).document as { readonly type: string }
        this.#requests.push({ place, type, millis })
        return this.hangs && type === "run"
          ? Effect.fail(fault("deadline", "it computed"))
          : compartment.call(request, millis)
      },
    }))
  }
}

const till = `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  export default actor({
    version: 1,
    state: Schema.Int,
    initial: 0,
    commands: { add: { output: Schema.Int, reduce: (state) => ({ state: state + 1, result: state + 1 }) } },
    queries: { n: { output: Schema.Int, read: (state) => state } },
  })
`
const add = (version = "") => encodeCommand(command({ actor: "till", command: "add", version }))
const query = { type: "query", actor: "till", key: "a", query: "n", input: "null" } as const

const deployed = async (from: "file" | "upload") => {
  const noted = new Noted()
  const version = await noted.machine.deploy("till", till, from)
  return { noted, machine: noted.machine, version, inspected: noted.taken() }
}

test("uploaded code has less time before the log than in it, alone more than in company, and least at its upload", async () => {
  const { noted, machine, version, inspected } = await deployed("upload")
  const door = (type: string, millis: number): Request => ({ place: "nice child", type, millis })
  const log = (type: string, millis: number): Request => ({ place: "child", type, millis })
  expect(inspected).toEqual([door("load", inspectionTerms.loadMillisMax)])

  await machine.try([add(version)])
  const tried = door("run", doorTerms.deadlineMillis)
  expect(noted.taken()).toEqual([door("load", doorTerms.loadMillisMax), tried, tried])
  await machine.query(query)
  expect(noted.taken()).toEqual([tried])
  await machine.apply(add(version))
  const applied = log("run", logTerms.deadlineMillis)
  expect(noted.taken()).toEqual([log("load", logTerms.loadMillisMax), applied])

  noted.hangs = true
  await machine.try([add(version)])
  const triedAlone = door("run", doorTerms.lastDeadlineMillis)
  expect(noted.taken()).toEqual([tried, door("load", doorTerms.loadMillisMax), triedAlone])
  await machine.apply(add(version))
  const appliedAlone = log("run", logTerms.lastDeadlineMillis)
  expect(noted.taken()).toEqual([applied, log("load", logTerms.loadMillisMax), appliedAlone])
})

test("the operator's own code has most time, and is run in the thread, before the log as in it", async () => {
  const { noted, machine, version, inspected } = await deployed("file")
  const own = (type: string, millis: number): Request => ({ place: "worker", type, millis })
  expect(inspected).toEqual([own("load", ownTerms.loadMillisMax)])
  const run = own("run", ownTerms.deadlineMillis)
  await machine.query(query)
  await machine.apply(add(version))
  expect(noted.taken()).toEqual([run, run])

  noted.hangs = true
  await machine.apply(add(version))
  const alone = own("run", ownTerms.lastDeadlineMillis)
  expect(noted.taken()).toEqual([run, own("load", ownTerms.loadMillisMax), alone])
})

test("what passes before the log with its patience has time to spare in it", () => {
  for (const which of ["deadlineMillis", "lastDeadlineMillis", "loadMillisMax"] as const) {
    expect(doorTerms[which] * 2).toBeLessThanOrEqual(logTerms[which])
    expect(logTerms[which]).toBeLessThan(ownTerms[which])
  }
  expect(inspectionTerms.loadMillisMax).toBeLessThan(doorTerms.loadMillisMax)
})
