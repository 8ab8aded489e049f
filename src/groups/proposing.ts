// How does a life of a node put a command of the machine's own into a group?

import { Effect, Random } from "effect"
import type { Millis } from "../consensus/types.ts"
import type { Outcome } from "../machine/outcome.ts"
import type { Failure, Raft } from "../raft/Raft.ts"

/** `encode` is given a name that no other attempt has: each is judged by what the group is then. */
export const proposed = Effect.fnUntraced(function* (
  raft: Pick<Raft["Service"], "propose" | "now">,
  millis: Millis,
  encode: (id: string) => Uint8Array,
) {
  const [one, other] = [yield* Random.nextInt, yield* Random.nextInt]
  const command = encode(`life:${one}:${other}`)
  return yield* Effect.callback<Outcome | Failure>((resume) =>
    raft.propose([
      {
        command,
        deadline: raft.now() + millis,
        forward: true,
        answer: (given) => resume(Effect.succeed(given)),
      },
    ]),
  )
})
