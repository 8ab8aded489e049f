// The machine's thread: owns state.db, and nothing of users runs in it.

import { Cause, Effect, Exit, Semaphore } from "effect"
import { mainGroup } from "../consensus/groups.ts"
import { openSqliteStateStore } from "../storage/stateStoreSqlite.ts"
import { compartments } from "./compartments.ts"
import { defaultLimits } from "./limits.ts"
import { MachineCore } from "./MachineCore.ts"
import { reasonOf } from "./MachineHost.ts"
import { Premises } from "./Premises.ts"
import { packBytes, unpackBytes, unpackEntries } from "./packing.ts"
import { type OpenOptions, packAdmissions, packOutcomes, type Reply, type Request } from "./threadProtocol.ts"
import { messageOf } from "./thrown.ts"

declare const self: Worker

interface Open {
  readonly core: MachineCore
  readonly premises: Premises
  readonly node: string
}

let open: Open | null = null
/** Who waits for users' code holds one; who closes the file wants all. */
const asking = Semaphore.makeUnsafe(askingMax())
/** Entries are applied by one at a time. */
const applying = Semaphore.makeUnsafe(1)

self.onmessage = ({ data: request }: MessageEvent<Request>) => {
  Effect.runFork(answer(request)).addObserver((exit) => {
    const reply: Reply = Exit.isSuccess(exit)
      ? { id: request.id, gives: exit.value, failure: null }
      : failed(request.id, Cause.squash(exit.cause))
    self.postMessage(reply, Exit.isSuccess(exit) ? buffersOf(exit.value) : [])
  })
}

const answer = (request: Request): Effect.Effect<unknown, unknown> => {
  const { operation, given } = request
  if (operation === "open") return Effect.try(() => begin(given as OpenOptions))
  if (operation === "close") return end(({ core }) => core.close())
  // Without a machine it has been given up before, and there was no room to open the next one.
  if (operation === "giveUp") return end(({ core }) => core.giveUp())
  return asking.withPermit(Effect.suspend(() => ask(request)))
}

const ask = ({ operation, given }: Request): Effect.Effect<unknown, unknown> => {
  if (open === null) return Effect.fail(new Error(`${operation} before open`))
  const { core, premises, node } = open
  switch (operation) {
    case "position":
      return Effect.sync(() => core.position())
    case "admit":
      return Effect.map(premises.work(core.admit(unpackBytes(given as Uint8Array)), "door"), packAdmissions)
    case "trial":
      return Effect.map(
        premises.work(core.try(unpackBytes(given as Uint8Array), node), "door"),
        packAdmissions,
      )
    case "apply": {
      const entries = unpackEntries(given as Uint8Array)
      return applying.withPermit(
        Effect.map(premises.work(core.apply(entries), "log"), (outcomes) => {
          core.relieve()
          Effect.runFork(premises.warm)
          return packOutcomes(entries, outcomes)
        }),
      )
    }
    case "foresee":
      return Effect.sync(() => {
        core.foresee(given as Request<"foresee">["given"])
        return null
      })
    case "query":
      return premises.work(core.query(given as Request<"query">["given"]), "door")
    case "events":
      return premises.work(core.events(given as Request<"events">["given"]), "door")
    case "flush":
      return Effect.sync(() => core.flush())
    case "nextTimer":
      return Effect.sync(() => core.nextTimer())
    case "due": {
      const { now, max } = given as Request<"due">["given"]
      return Effect.sync(() => packBytes(core.due(now, max)))
    }
    case "stateHash":
      return Effect.sync(() => core.stateHash())
    case "checkpoints":
      return Effect.sync(() => core.checkpoints())
    case "changes":
      return Effect.sync(() => core.changes(given as Request<"changes">["given"]))
    case "status":
      return Effect.sync(() => core.status())
    case "inspect":
      return premises.inspect(given as Request<"inspect">["given"])
    case "plan":
      return premises.work(core.plan(given as Request<"plan">["given"]), "door")
    case "led":
      return Effect.sync(() => core.led())
    case "code":
      return Effect.sync(() => core.code(given as Request<"code">["given"]))
    case "actors":
      return Effect.sync(() => core.actors())
    case "groups":
      return Effect.sync(() => core.groups())
    case "places":
      return Effect.sync(() => core.places())
    default:
      return Effect.fail(new Error(`there is no operation ${operation}`))
  }
}

const begin = ({ node, group = mainGroup, statePath, initial, limits }: OpenOptions): unknown => {
  open?.core.close()
  const store = openSqliteStateStore(statePath, initial)
  const core = new MachineCore({ store, group, preset: null, limits })
  open = { core, node, premises: new Premises(core, compartments, { ...defaultLimits, ...limits }) }
  return core.position()
}

/** Who asks is answered first, unless it takes too long: then what runs in the compartments is ended. */
const end = (closeFile: (ending: Open) => void): Effect.Effect<null, unknown> =>
  Effect.suspend(() => {
    const ending = open
    open = null
    if (ending === null) return Effect.succeed(null)
    const closed = asking.withPermits(askingMax())(Effect.try(() => closeFile(ending)))
    return Effect.timeoutOption(closed, graceMillis).pipe(
      Effect.flatMap((done) =>
        Effect.andThen(ending.premises.end, done._tag === "Some" ? Effect.void : closed),
      ),
      Effect.as(null),
    )
  })

const failed = (id: number, error: unknown): Reply => {
  // What was thrown is what matters, and not who caught it.
  const cause = error instanceof Cause.UnknownError ? error.cause : error
  return { id, gives: null, failure: messageOf(cause), reason: reasonOf(cause) }
}

const buffersOf = (gives: unknown): Array<ArrayBuffer> => {
  if (gives instanceof Uint8Array) return [gives.buffer as ArrayBuffer]
  const packed = typeof gives === "object" && gives !== null && "commands" in gives ? gives.commands : null
  return packed instanceof Uint8Array ? [packed.buffer as ArrayBuffer] : []
}

const graceMillis = 300

function askingMax(): number {
  return 10_000
}
