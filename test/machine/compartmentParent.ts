// The process of a test: opens a compartment, says who serves there, and asks it for what the test wants.
//
//   bun compartmentParent.ts KIND PLACE ACT
//
// In a PLACE "thread" it is a Worker of that process that does so, and SIGUSR2 ends that.

import { Effect, Scope } from "effect"
import { ask, guest, type Kind, kinds } from "./compartments.ts"

const [kind, place, act] = process.argv.slice(2) as [Kind, "thread" | "main", string]

/** Leaves the compartment open: what becomes of it then is what the test asks. */
const program = Effect.gen(function* () {
  const compartment = yield* kinds[kind]({ entry: guest }).pipe(Scope.provide(yield* Scope.make()))
  console.log(yield* ask(compartment, "whoServes"))
  yield* ask(compartment, act, "", 600_000)
})

if (place === "thread" && Bun.isMainThread) {
  const thread = new Worker(import.meta.url, { argv: process.argv.slice(2) })
  process.on("SIGUSR2", () => thread.terminate())
  // Stays when the thread has gone.
  setInterval(() => {}, 60_000)
} else await Effect.runPromise(program)
