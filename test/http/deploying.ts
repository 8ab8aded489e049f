// A node that takes code, without sockets and processes: the routes, and behind them a machine with compartments in
// this thread, and a log that writes itself.

import { Effect } from "effect"
import { bundleSource } from "../../src/machine/bundle.ts"
import type { MachineHost } from "../../src/machine/MachineHost.ts"
import type { Raft } from "../../src/raft/Raft.ts"
import { Housed } from "../machine/Housed.ts"
import { type Fake, leading, makeFake } from "./fakeRaft.ts"

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
  const raft: Raft["Service"] = {
    ...fake.door.raft,
    now: () => performance.now(),
    status: () => ({ ...leading, commitIndex: housed.log.length, appliedIndex: housed.log.length }),
    propose: async (proposals) => {
      for (const { command, answer } of proposals) {
        const { current } = fake.instead
        if (current === "silence") continue
        answer(current ?? (await housed.propose(command)))
      }
    },
    read: async ({ query, answer }) => answer(await housed.query(query)),
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
    ...insteadOfRaft,
  }
  const { core, premises, tenant } = housed
  const machine: MachineHost["Service"] = {
    ...fake.door.machine,
    inspect: (draft) => premises.inspect(draft),
    plan: (asked) => premises.work(tenant, core.plan(asked), "door"),
    actors: Effect.sync(() => core.actors()),
    ...instead,
  }
  // Bundled here: a process each time is what other tests are for.
  const { ask } = makeFake({ doors: new Map([["main", { raft, machine }]]), bundle: bundleSource })
  const post: Deploying["post"] = (path, body, headers = {}) =>
    ask(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    })
  return { ask, post, machine: housed, defects: fake.defects, instead: fake.instead }
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
