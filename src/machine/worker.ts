// A thread of machines: owns the states of the groups that are opened in it, and nothing of users runs there.

import { Cause, Effect, Exit } from "effect"
import type { GroupId } from "../consensus/types.ts"
import { Awake, type AwakeLimits } from "../storage/Awake.ts"
import { openLateSqliteStateStore } from "../storage/stateStoreSqlite.ts"
import { Crowd } from "./Crowd.ts"
import { compartments } from "./compartments.ts"
import { Exchanges } from "./Exchanges.ts"
import { defaultLimits } from "./limits.ts"
import { MachineCore } from "./MachineCore.ts"
import { reasonOf } from "./MachineHost.ts"
import { OpenMachine } from "./OpenMachine.ts"
import { Premises } from "./Premises.ts"
import { Rounds } from "./Rounds.ts"
import type { BeginOptions, Opened, OpenOptions, Reply, Request } from "./threadProtocol.ts"
import { messageOf } from "./thrown.ts"

declare const self: Worker

interface Node extends BeginOptions {
  readonly premises: Premises
  readonly awake: Awake
}

let begun: Node | null = null
const machines = new Map<GroupId, OpenMachine>()
const exchanges = new Exchanges<GroupId>()
const crowd = new Crowd()
const rounds = new Rounds<GroupId | null, Request>()
let isServing = false

self.onmessage = ({ data: request }: MessageEvent<Request>) => {
  rounds.add(request.group, request)
  if (isServing) return
  isServing = true
  Effect.runFork(serveAll())
}

/** What comes in meanwhile takes part: nobody waits for all that another has asked before. */
const serveAll = Effect.fnUntraced(function* () {
  for (let served = 0; ; served++) {
    if (served % servedAtOnce === 0) yield* Effect.yieldNow
    const request = rounds.next()
    if (request === undefined) break
    serve(request)
  }
  isServing = false
})

const serve = (request: Request): void => {
  Effect.runFork(answer(request)).addObserver((exit) => {
    const reply: Reply = Exit.isSuccess(exit)
      ? { id: request.id, gives: exit.value, failure: null }
      : failed(request.id, Cause.squash(exit.cause))
    self.postMessage(reply, Exit.isSuccess(exit) ? buffersOf(exit.value) : [])
  })
}

const answer = (request: Request): Effect.Effect<unknown, unknown> => {
  const { group, operation, given } = request
  if (operation === "begin") return Effect.sync(() => begin(given as BeginOptions))
  if (begun === null) return Effect.fail(new Error(`${operation} before begin`))
  if (operation === "end") return Effect.as(begun.premises.end, null)
  if (operation === "inspect") return begun.premises.inspect(given as Request<"inspect">["given"])
  if (group === null) return Effect.fail(new Error(`${operation} of no group`))
  const node = begun
  switch (operation) {
    case "open":
      return exchanges.alone(
        group,
        Effect.try(() => open(node, group, given as OpenOptions)),
      )
    case "close":
      return end(group, (core) => core.close())
    // Without a machine it has been given up before, and there was no room to open the next one.
    case "giveUp":
      return end(group, (core) => core.giveUp())
    default: {
      const machine = machines.get(group)
      return machine?.answer(request) ?? Effect.fail(new Error(`${operation} before open`))
    }
  }
}

const begin = (options: BeginOptions): null => {
  const premises = new Premises(compartments, { ...defaultLimits, ...options.limits })
  begun = { ...options, premises, awake: new Awake(awakeLimits(options.statesOpenMax)) }
  return null
}

const open = (
  { node, premises, limits, awake }: Node,
  group: GroupId,
  { statePath, initial }: OpenOptions,
): Opened => {
  if (machines.has(group)) throw new Error(`group ${group} is open already`)
  const store = openLateSqliteStateStore(statePath, initial, awake)
  const core = new MachineCore({ store, group, preset: null, limits })
  const opened = {
    position: core.position(),
    changes: core.changes(0),
    nextTimer: core.nextTimer(),
    led: core.led(),
  }
  store.settle()
  machines.set(group, new OpenMachine(core, node, premises, crowd))
  return opened
}

const end = (group: GroupId, closeFile: (core: MachineCore) => void): Effect.Effect<null, unknown> =>
  Effect.suspend(() => {
    const ending = machines.get(group)
    machines.delete(group)
    return Effect.as(exchanges.alone(group, ending?.end(closeFile) ?? Effect.void), null)
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

/** A group that is in use is flushed every second. */
const awakeLimits = (max: number): AwakeLimits => ({
  max,
  busyMax: 16 * max,
  busyMillis: 5_000,
  againMillis: 500,
})

const servedAtOnce = 16
