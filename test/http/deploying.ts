// A node that takes code, without sockets and processes: the routes, and behind them a machine with compartments in
// this thread, and a log that writes itself.

import { Effect } from "effect"
import type { Configuration, GroupId } from "../../src/consensus/types.ts"
import { bundleSource } from "../../src/machine/bundle.ts"
import type { MachineHost } from "../../src/machine/MachineHost.ts"
import type { Failure, Raft } from "../../src/raft/Raft.ts"
import { Housed } from "../machine/Housed.ts"
import { type Fake, type FakeDoor, leading, makeFake } from "./fakeRaft.ts"

export interface Deploying {
  readonly ask: Fake["ask"]
  readonly post: (
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>
  readonly machine: Housed
  readonly defects: ReadonlyArray<string>
  /** Set: every proposal gets this instead. */
  readonly instead: Fake["instead"]
}

/** `instead`: what its machine does otherwise; `insteadOfRaft`: what its door does. */
export const makeDeploying = (
  instead: Partial<MachineHost["Service"]> = {},
  insteadOfRaft: Partial<Raft["Service"]> = {},
): Deploying => {
  const housed = new Housed()
  const fake = makeFake()
  const { raft, machine } = doorOf(housed, fake.door, fake.instead)
  const main = { raft: { ...raft, ...insteadOfRaft }, machine: { ...machine, ...instead } }
  // Bundled here: a process each time is what other tests are for.
  const { ask } = makeFake({ doors: new Map([["main", main]]), bundle: bundleSource })
  return { ask, post: posting(ask), machine: housed, defects: fake.defects, instead: fake.instead }
}

const posting =
  (ask: Fake["ask"]): Deploying["post"] =>
  (path, body, headers = {}) =>
    ask(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    })

const tooFar = {
  _tag: "Failure",
  code: "timeout",
  outcome: "rejected",
  detail: "It has not come there.",
} as const

/** A machine of its own behind it, and a log that writes itself. `instead`: what every proposal gets. */
const doorOf = (
  housed: Housed,
  door: FakeDoor,
  instead: Fake["instead"],
  group: GroupId = "main",
): FakeDoor => {
  const raft: Raft["Service"] = {
    ...door.raft,
    group,
    now: () => performance.now(),
    status: () => ({ ...leading, group, commitIndex: housed.log.length, appliedIndex: housed.log.length }),
    propose: async (proposals) => {
      for (const { command, answer } of proposals) {
        const { current } = instead
        if (current === "silence") continue
        answer(current ?? (await housed.propose(command)))
      }
    },
    // It never comes further by waiting.
    read: async ({ query, minIndex, answer }) =>
      answer(minIndex > housed.log.length ? tooFar : await housed.query(query)),
    log: ({ from, entriesMax }) =>
      Effect.succeed({
        firstIndex: 1,
        lastIndex: housed.log.length,
        entries: housed.log.slice(from - 1, from - 1 + entriesMax).map((command, at) => ({
          index: from + at,
          term: 1,
          time: 1_000 + from + at,
          kind: "command" as const,
          command,
          configuration: null,
        })),
      }),
  }
  const { core, premises, tenant } = housed
  const machine: MachineHost["Service"] = {
    ...door.machine,
    inspect: (draft) => premises.inspect(draft),
    events: (asked) => premises.work(tenant, core.events(asked), "door"),
    plan: (asked) => premises.work(tenant, core.plan(asked), "door"),
    actors: Effect.sync(() => core.actors()),
    groups: Effect.sync(() => core.groups()),
    places: Effect.sync(() => core.places()),
    shard: (actor) => Effect.sync(() => core.shard(actor)),
    portion: (asked) => Effect.sync(() => core.portion(asked)),
  }
  return { raft, machine }
}

/** Who has a seat is meant in one data directory. */
const founding: Configuration = {
  ...leading.configuration,
  addresses: Object.fromEntries(
    Object.entries(leading.configuration.addresses).map(([id, address]) => [
      id,
      { ...address, incarnation: `of ${id}` },
    ]),
  ),
}

/** A node that runs as many groups as its `main` names. */
export interface Spread extends Pick<Deploying, "ask" | "post" | "defects"> {
  /** Undefined: it is not open. */
  readonly machine: (group: GroupId) => Housed | undefined
  /** Set: every proposal of that group gets this instead. */
  readonly instead: Map<GroupId, Failure>
  /** Set: every read of that group gets this instead. */
  readonly silent: Map<GroupId, Failure>
}

export const makeSpread = (): Spread => {
  const fake = makeFake()
  const instead = new Map<GroupId, Failure>()
  const silent = new Map<GroupId, Failure>()
  const open = new Map<GroupId, { readonly door: FakeDoor; readonly housed: Housed }>()
  const openedAs = (group: GroupId) => {
    const known = open.get(group)
    if (known !== undefined) return known
    const housed = new Housed({}, undefined, undefined, group)
    const failing = {
      get current() {
        return instead.get(group) ?? null
      },
    }
    const { raft, machine } = doorOf(housed, fake.door, failing, group)
    const read: typeof raft.read = (read) => {
      const failure = silent.get(group)
      if (failure === undefined) raft.read(read)
      else read.answer(failure)
    }
    const opened = { housed, door: { raft: { ...raft, read }, machine } }
    open.set(group, opened)
    return opened
  }
  const { core } = openedAs("main").housed
  const find = (group: GroupId) => {
    const isOpen = core.groups().groups.some((row) => row.group === group && !row.isClosed)
    return group === "main" || isOpen ? openedAs(group) : undefined
  }
  const all = () => ["main", ...core.groups().groups.map(({ group }) => group)]
  const { ask } = makeFake({
    doors: {
      get: (group) => find(group)?.door,
      values: () => all().flatMap((group) => find(group)?.door ?? []),
      placementOf: (actor) => core.places().places.find((place) => place.actor === actor)?.placement ?? null,
      placeOf: (actor) => core.places().places.find((place) => place.actor === actor) ?? null,
      seatingOf: (group) => core.groups().groups.find((row) => row.group === group)?.seating ?? null,
      look: async () => {},
    },
    founding: async () => founding,
    bundle: bundleSource,
    defect: (message, cause) => fake.defects.push(`${message}: ${cause}`),
  })
  return {
    ask,
    post: posting(ask),
    defects: fake.defects,
    instead,
    silent,
    machine: (group) => find(group)?.housed,
  }
}

/** Counts in euros; the second version in cents. */
export const till = (options: { readonly down?: boolean; readonly up?: boolean } = {}) => {
  const { down = true, up = true } = options
  const migrate = up
    ? `migrate: { 2: { up: ({ euros }) => ({ cents: euros * 100 })${down ? ", down: ({ cents }) => ({ euros: Math.floor(cents / 100) })" : ""} } },`
    : ""
  return {
    first: source(
      1,
      "euros",
      "",
      `old: { output: Schema.Null, reduce: (state) => ({ state, result: null }) },
      hang: { output: Schema.Null, reduce: function again(state) { return [again(state)] } },`,
    ),
    second: source(2, "cents", migrate, ""),
  }
}

const source = (version: number, field: string, migrate: string, more: string): string => `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  export default actor({
    version: ${version},
    state: Schema.Struct({ ${field}: Schema.Int }),
    initial: { ${field}: 0 },
    commands: {
      pay: {
        input: Schema.Struct({ euros: Schema.Int }),
        output: Schema.Int,
        reduce: (state, input, ctx) => {
          if (input.euros < 0) ctx.reject("negative", "Nobody pays less than nothing")
          const paid = state.${field} + input.euros * ${version === 1 ? 1 : 100}
          return { state: { ${field}: paid }, result: paid }
        },
      },
      ${more}
    },
    queries: { euros: { output: Schema.Number, read: (state) => state.${field} / ${version === 1 ? 1 : 100} } },
    ${migrate}
  })
`
