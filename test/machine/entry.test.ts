// Is a reducer that returns a promise found where reducers really run? (HAZARDS D11)

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { bundleSource } from "../../src/machine/bundle.ts"
import { compartments } from "../../src/machine/compartments.ts"
import type { Reduce } from "../../src/machine/Executor.ts"
import { decodeReplies, encodeLoad, encodeRun } from "../../src/machine/inside/protocol.ts"
import { defaultLimits } from "../../src/machine/limits.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const source = `
  import { Schema } from "effect"
  import { actor } from "raftlet"
  const output = Schema.Null
  export default actor({
    version: 1,
    state: Schema.Int,
    initial: 0,
    commands: {
      promise: { output, reduce: (state) => Promise.resolve({ state, result: null }) },
      failing: { output, reduce: () => Promise.reject(new Error("nobody hears this")) },
      right: { output, reduce: (state) => ({ state, result: null }) },
    },
  })
`

test.each(["openChild", "openWorker"] as const)("%s: it is told so, and the next one runs", (open) =>
  Effect.gen(function* () {
    const { call } = yield* compartments[open]
    const { code, version } = yield* bundleSource({ name: "late", source })
    yield* call(encodeLoad({ type: "load", actor: "late", version, code, limits: defaultLimits }), 10_000)
    const calls = ["promise", "failing", "right"].map(
      (command): Reduce => ({
        type: "reduce",
        actor: "late",
        version,
        instance: undefined,
        key: "a",
        command,
        input: null,
        ifRevision: null,
        commandId: command,
        caller: "",
        seed: new Uint8Array(16),
        now: 1,
        index: 1,
        term: 1,
        timersMax: 1,
      }),
    )
    const bytes = yield* call(
      encodeRun({ space: 1, calls, forget: [] }, () => false),
      10_000,
    )
    const replies = decodeReplies(bytes, calls)
    const found = { type: "rejected", reason: { code: "reducer-async" } }
    expect(replies).toMatchObject([found, found, { type: "reduced", result: "null" }])
  }).pipe(Effect.scoped, Effect.runPromise),
)
