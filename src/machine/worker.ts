// The machine's thread: owns state.db and runs the reducers, so that a loop in one costs no heartbeat.

import { Cause, Effect, Exit } from "effect"
import { openSqliteStateStore } from "../storage/stateStoreSqlite.ts"
import { messageOf } from "./Coder.ts"
import { Machine } from "./Machine.ts"
import { reasonOf } from "./MachineHost.ts"
import { loadModules } from "./modules.ts"
import { packBytes, unpackBytes, unpackEntries } from "./packing.ts"
import type { ActorProblem, Registry } from "./Registry.ts"
import {
  type LoadOptions,
  type OpenOptions,
  packAdmissions,
  packOutcomes,
  type Reply,
  type Request,
} from "./threadProtocol.ts"

declare const self: Worker

let registry: Registry | null = null
let machine: Machine | null = null

// What a reducer left behind, a promise or a callback, may fail as it likes: it can reach nothing.
process.on("unhandledRejection", () => {})
process.on("uncaughtException", () => {})

self.onmessage = ({ data: request }: MessageEvent<Request>) => {
  if (request.operation === "load") return load(request as Request<"load">)
  try {
    const gives = run(request)
    self.postMessage({ id: request.id, gives, failure: null } satisfies Reply, buffersOf(gives))
  } catch (error) {
    const reply: Reply = {
      id: request.id,
      gives: null,
      failure: messageOf(error),
      reason: reasonOf(error),
    }
    self.postMessage(reply)
  }
}

/** The one operation that waits: modules are imported. Gives what is wrong with them. */
const load = ({ id, given }: Request<"load">): void => {
  Effect.runFork(prepare(given)).addObserver((exit) => {
    const reply: Reply = Exit.isSuccess(exit)
      ? { id, gives: exit.value, failure: null }
      : { id, gives: null, failure: Cause.pretty(exit.cause), reason: "failed" }
    self.postMessage(reply)
  })
}

const prepare = ({ modules, earlier }: LoadOptions): Effect.Effect<ReadonlyArray<ActorProblem>> =>
  loadModules(modules, earlier).pipe(
    Effect.map((loaded) => {
      registry = loaded
      return []
    }),
    Effect.catch((refused) => Effect.succeed(refused.problems)),
  )

const run = (request: Request): unknown => {
  const { operation, given } = request
  if (operation === "open") return open(given as OpenOptions)
  if (operation === "giveUp") return giveUp()
  if (machine === null) throw new Error(`${operation} before open`)
  switch (operation) {
    case "position":
      return machine.position()
    case "admit":
      return packAdmissions(machine.admit(unpackBytes(given as Uint8Array)))
    case "apply": {
      const entries = unpackEntries(given as Uint8Array)
      return packOutcomes(entries, machine.apply(entries))
    }
    case "query":
      return machine.query(given as Request<"query">["given"])
    case "flush":
      return machine.flush()
    case "nextTimer":
      return machine.nextTimer()
    case "due": {
      const { now, max } = given as Request<"due">["given"]
      return packBytes(machine.due(now, max))
    }
    case "stateHash":
      return machine.stateHash()
    case "checkpoints":
      return machine.checkpoints()
    case "status":
      return machine.status()
    case "close":
      machine.close()
      machine = null
      return null
    default:
      throw new Error(`there is no operation ${operation}`)
  }
}

/** Without a machine it has been given up before, and there was no room to open the next one. */
const giveUp = (): null => {
  machine?.giveUp()
  machine = null
  return null
}

const open = ({ statePath, initial, limits }: OpenOptions): unknown => {
  if (registry === null) throw new Error("open before load")
  machine?.close()
  machine = new Machine({ store: openSqliteStateStore(statePath, initial), registry, limits })
  return machine.position()
}

const buffersOf = (gives: unknown): Array<ArrayBuffer> => {
  if (gives instanceof Uint8Array) return [gives.buffer as ArrayBuffer]
  const packed = typeof gives === "object" && gives !== null && "commands" in gives ? gives.commands : null
  return packed instanceof Uint8Array ? [packed.buffer as ArrayBuffer] : []
}
