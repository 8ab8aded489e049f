// A cluster without Raft: the machine of `main` and of each group, each over a log of its own that grows by what is proposed.

import { Result, Schema } from "effect"
import { mainGroup } from "../../src/consensus/groups.ts"
import type { Entry, GroupId, Index } from "../../src/consensus/types.ts"
import { nextStep } from "../../src/groups/moving.ts"
import { actor } from "../../src/index.ts"
import { versionOf } from "../../src/machine/bundle.ts"
import { encodeCommand } from "../../src/machine/command.ts"
import type { MachineLimits } from "../../src/machine/limits.ts"
import { Machine } from "../../src/machine/Machine.ts"
import { manifestOf } from "../../src/machine/manifest.ts"
import type { Outcome } from "../../src/machine/outcome.ts"
import { loadActor, Registry } from "../../src/machine/Registry.ts"
import {
  evenShards,
  type Placement,
  type SlotRange,
  shardAt,
  slotOf,
  upperHalf,
} from "../../src/machine/slots.ts"
import {
  encodeSystem,
  piecesOf,
  type SystemInput,
  type SystemName,
} from "../../src/machine/system/commands.ts"
import type { Move } from "../../src/machine/system/Whereabouts.ts"
import { MemoryDisk } from "../../src/storage/MemoryDisk.ts"
import { openMemoryStateStore } from "../../src/storage/stateStoreMemory.ts"
import { command, entry, initial } from "./Bench.ts"

const counter = actor({
  version: 1,
  state: Schema.Struct({ count: Schema.Int, rung: Schema.Int, heard: Schema.Int, pad: Schema.String }),
  initial: { count: 0, rung: 0, heard: 0, pad: "" },
  commands: {
    add: {
      output: Schema.Int,
      reduce: (state, _input, ctx) => {
        ctx.emit("added")
        if (ctx.now < state.heard) throw new Error("time goes back")
        const count = state.count + 1
        return { state: { ...state, count, heard: ctx.now }, result: count }
      },
    },
    later: {
      output: Schema.Null,
      reduce: (state, _input, ctx) => {
        ctx.schedule(20, "ring", null)
        return { state, result: null }
      },
    },
    ring: {
      output: Schema.Null,
      reduce: (state) => ({ state: { ...state, rung: state.rung + 1 }, result: null }),
    },
    fill: {
      input: Schema.Int,
      output: Schema.String,
      reduce: (state, length) => {
        const pad = '"ä😀'.repeat(length)
        return { state: { ...state, pad }, result: pad }
      },
    },
    tell: {
      input: Schema.Int,
      output: Schema.String,
      reduce: (state, length) => ({ state, result: '"ä😀'.repeat(length) }),
    },
  },
})

const code = "// the counter ä\n".repeat(5_000)
export const version = versionOf(code)
export const loaded = Result.getOrThrow(loadActor("counter", version, counter))

export const [lower, upper] = evenShards(2) as [SlotRange, SlotRange]
export const halves: Placement = [
  { group: "counter-1", ...lower },
  { group: "counter-2", ...upper },
]
const addresses = { n1: { peer: "n1:1", client: "" } }
const configuration = { voters: ["n1"], learners: [], addresses }

/** One group's machine, and all that was ever proposed to it. */
export class Shard {
  readonly group: GroupId
  readonly log: Array<Entry> = []
  machine: Machine
  readonly #limits: Partial<MachineLimits>
  readonly #disk = new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" })

  constructor(group: GroupId, limits: Partial<MachineLimits>) {
    this.group = group
    this.#limits = limits
    this.machine = this.#open(this.#disk)
  }

  get index(): Index {
    return this.log.length
  }

  apply(bytes: Uint8Array, time: number): Outcome {
    this.log.push(entry(this.index + 1, bytes, time))
    return this.machine.apply([this.log.at(-1)!])[0]!
  }

  /** Through the door, and through the log. */
  propose(bytes: Uint8Array, time: number): Outcome {
    const [admission] = this.machine.admit([bytes])
    return admission!._tag === "Settled" ? admission!.outcome : this.apply(admission!.command, time)
  }

  /** What was not flushed is forgotten, and applied again. */
  restart(): void {
    this.machine.close()
    this.machine = this.#open(this.#disk)
    this.machine.apply(this.log.slice(this.machine.position().index))
  }

  /** Of a replica that gets all of it at once. */
  get hashOfAnother(): string {
    const machine = this.#open(new MemoryDisk({ clusterId: "c", nodeId: "n1", incarnation: "i" }))
    machine.apply(this.log)
    return machine.stateHash().hash
  }

  #open(disk: MemoryDisk): Machine {
    return new Machine({
      store: openMemoryStateStore(disk, { group: this.group, initial }),
      group: this.group,
      registry: new Registry([], [loaded]),
      limits: this.#limits,
    })
  }
}

/** An actor on two groups, and what moves half of the second one's keys to a third. */
export class Shards {
  /** The wall clock. */
  time = 1_000
  readonly groups: ReadonlyMap<GroupId, Shard>
  /** Everything that was ever proposed of moves. */
  readonly sent: Array<{ readonly group: GroupId; readonly bytes: Uint8Array }> = []
  #ids = 0

  constructor(limits: Partial<MachineLimits> = {}) {
    const names = [mainGroup, "counter-1", "counter-2", "counter-3", "counter-4"]
    this.groups = new Map(names.map((group) => [group, new Shard(group, limits)]))
    for (const group of names.slice(1)) this.system(mainGroup, "$group/open", group, { configuration })
    this.system(mainGroup, "$place/settle", "counter", { placement: halves, by: "n1" })
    for (const { group, from, to } of halves) {
      this.system(group, "$shard/own", "counter", { ranges: [{ from, to }] })
      this.bringIn(group)
    }
  }

  bringIn(group: GroupId): void {
    const pieces = piecesOf(code)
    for (const [at, text] of pieces.entries()) {
      this.system(group, "$actor/piece", version, { version, at, text })
    }
    const made = { version, pieces: pieces.length, bytes: code.length, by: "n1", source: "file" as const }
    this.system(group, "$actor/register", "counter", { ...made, ...manifestOf(loaded) })
    this.system(group, "$actor/activate", "counter", { version, from: null })
  }

  at(group: GroupId): Shard {
    return this.groups.get(group)!
  }

  /** The answer, or the refusal. */
  system<Name extends SystemName>(
    group: GroupId,
    name: Name,
    key: string,
    input: SystemInput<Name>,
  ): unknown {
    const bytes = encodeSystem(name, { key, input, id: `s${++this.#ids}`, door: "n1" })
    this.sent.push({ group, bytes })
    const outcome = this.at(group).apply(bytes, this.time)
    return outcome._tag === "Accepted" ? JSON.parse(outcome.result) : outcome
  }

  send(group: GroupId, key: string, name: string, id: string, json: unknown = null): Outcome {
    const given = command({ actor: "counter", key, command: name, idempotencyKey: id, version, json })
    return this.at(group).propose(encodeCommand(given), this.time)
  }

  get place() {
    return this.at(mainGroup).machine.places().places[0]!
  }

  /** As `main` has it. */
  groupOf(key: string): GroupId {
    return shardAt(this.place.placement, slotOf(key))!.group
  }

  split(from: GroupId, to: GroupId): unknown {
    const owned = this.place.placement.filter(({ group }) => group === from)
    const slots = upperHalf(owned.map(({ from, to }) => ({ from, to })))
    return this.system(mainGroup, "$place/split", "counter", { from, to, slots, by: "n1" })
  }

  get move(): Move | undefined {
    return this.place.move
  }

  shard(group: GroupId) {
    return this.at(group).machine.shard("counter")
  }

  /** One entry towards the end of the move that is under way; false: there is none. Nothing is remembered between two. */
  drive(): boolean {
    const { move } = this
    if (move === undefined) return false
    const { id, from, to, slots } = move
    const step = nextStep(move, this.shard(from), this.shard(to))
    switch (step.type) {
      case "release":
        this.system(from, "$shard/release", "counter", { move: id, to, slots })
        return true
      case "abandon":
        this.system(mainGroup, "$place/abandon", "counter", { move: id, reason: step.reason })
        return true
      case "handOver":
        this.#handOver(move, step)
        return true
      case "assign":
        this.system(mainGroup, "$place/assign", "counter", { move: id })
        return true
      case "drop":
        this.system(from, "$shard/drop", "counter", { move: id })
        return true
      case "finish":
        this.system(mainGroup, "$place/finish", "counter", { move: id })
        return true
      case "unclear":
        throw new Error(`it is unclear how move ${id} goes on`)
    }
  }

  #handOver(
    { id: move, from, to, slots }: Move,
    { portion, cursor, time }: { readonly portion: number; readonly cursor: string; readonly time: number },
  ): void {
    for (let at = cursor; ; ) {
      const given = this.at(from).machine.portion({ actor: "counter", move, cursor: at })
      if (given === null) throw new Error("nothing is handed over")
      const { items, isOpen, isDone, digest } = given
      at = given.cursor
      if (items.length > 0) {
        const input = { move, from, slots, portion, items, isOpen, cursor: at }
        this.system(to, "$shard/take", "counter", input)
        return
      }
      if (!isDone) continue
      this.system(to, "$shard/adopt", "counter", { move, portions: portion, digest, time })
      return
    }
  }

  /** To its end. */
  driveAll(): void {
    for (let steps = 0; this.drive(); steps++) if (steps > 10_000) throw new Error("it does not end")
  }

  state(key: string): {
    readonly state: { readonly count: number; readonly rung: number; readonly pad: string }
    readonly revision: number
  } {
    const [answer] = this.at(this.groupOf(key)).machine.query([{ type: "state", actor: "counter", key }])
    if (answer?._tag !== "Answered") throw new Error(JSON.stringify(answer))
    return JSON.parse(answer.body)
  }

  /** Keys that a group shows. */
  listed(group: GroupId): ReadonlyArray<string> {
    const keys: Array<string> = []
    for (let after: string | null = ""; after !== null; ) {
      const [answer] = this.at(group).machine.query([
        { type: "list", actor: "counter", prefix: "", after, limit: 1000 },
      ])
      if (answer?._tag !== "Answered") return []
      const page = JSON.parse(answer.body) as {
        readonly instances: ReadonlyArray<{ readonly key: string }>
        readonly next: string | null
      }
      keys.push(...page.instances.map(({ key }) => key))
      after = page.next
    }
    return keys
  }

  /** Fires all timers that are due in a group; twice, as two leaders would. */
  fire(group: GroupId): void {
    const { machine } = this.at(group)
    for (const bytes of machine.due(this.time, 100)) {
      const [admission] = machine.admit([bytes])
      if (admission?._tag !== "Admitted") continue
      for (let copy = 0; copy < 2; copy++) this.at(group).apply(admission.command, this.time)
    }
  }
}
