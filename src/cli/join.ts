// How does a new node become a member of a cluster that runs? It asks who is there, and to be taken in.

import { Effect, Schema } from "effect"
import type { NodeAddress } from "./addresses.ts"
import { type CliFailure, failed, refused } from "./CliFailure.ts"

/** What a member says of its cluster. */
export interface Introduction {
  readonly clusterId: string
  readonly members: Readonly<Record<string, NodeAddress>>
}

/** What a node says of itself when it asks to be taken in. */
export interface Newcomer {
  readonly id: string
  /** Whoever serves at an address by now may be of another cluster, and have a member of this name. */
  readonly clusterId: string
  /** Of the data that it brings as the member that it takes itself for. */
  readonly epoch?: number
  readonly peer: string
  readonly client?: string
  /** Left out by one that its configuration names without: it stays who it is. */
  readonly incarnation?: string
  readonly role: "voter" | "learner"
}

const Cluster = Schema.Struct({
  clusterId: Schema.String,
  members: Schema.Array(Schema.Struct({ id: Schema.String, peer: Schema.String, client: Schema.String })),
})

const answerMillis = 5000
const retryMillis = 500
/**
 * Who was here a moment ago and has lost its data is taken for alive at first. But one that was started under another's
 * name by mistake must not lie in wait until that one is restarted.
 */
const inUseMax = 10
const inUseCodes: ReadonlySet<string> = new Set(["id-in-use", "address-in-use"])

/** Asks one after the other; the first that answers is believed. */
export const introduce = (urls: ReadonlyArray<string>): Effect.Effect<Introduction, CliFailure> =>
  Effect.firstSuccessOf(urls.map(introduceBy)).pipe(Effect.mapError((reason) => refused(`--join: ${reason}`)))

const introduceBy = (url: string): Effect.Effect<Introduction, string> =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(`${url}/admin/cluster`, { signal: AbortSignal.timeout(answerMillis) })
      return Schema.decodeUnknownSync(Cluster)(await response.json())
    },
    catch: () => `${url} does not answer as a node of a cluster does`,
  }).pipe(
    Effect.map(({ clusterId, members }) => ({
      clusterId,
      members: Object.fromEntries(members.map(({ id, peer, client }) => [id, { peer, client }])),
    })),
  )

const Problem = Schema.Struct({
  code: Schema.String,
  detail: Schema.String,
  retryable: Schema.Boolean,
})

/**
 * Asks until it is a member by its own configuration, whatever the answers: a cluster may have no leader for a while.
 * Fails when the cluster says that it never will be. `anyway`: its own configuration may be out of date, so it asks
 * until it has been taken in once more.
 */
export const becomeMember = (options: {
  readonly urls: ReadonlyArray<string>
  readonly newcomer: Newcomer
  readonly isMember: () => boolean
  readonly anyway: boolean
}): Effect.Effect<void, CliFailure> =>
  Effect.gen(function* () {
    const { urls, newcomer, isMember } = options
    let said = ""
    let inUse = 0
    let isTaken = !options.anyway
    for (let attempt = 0; !isTaken || !isMember(); attempt++) {
      const answer = yield* ask(urls[attempt % urls.length]!, newcomer)
      isTaken ||= answer._tag === "Taken"
      inUse = answer._tag === "InUse" ? inUse + 1 : 0
      if (answer._tag === "Never" || inUse === inUseMax) {
        return yield* failed(`the cluster does not take ${newcomer.id} in: ${answer.detail}`)
      }
      if (answer.detail !== said) yield* Effect.logInfo(`joining: ${answer.detail}`)
      said = answer.detail
      yield* Effect.sleep(retryMillis)
    }
    // Who has asked nobody has only its own word for it, and that may be old.
    if (said !== "") yield* Effect.logInfo(`${newcomer.id} is a member`)
  })

type Answer = { readonly _tag: "Taken" | "Again" | "InUse" | "Never"; readonly detail: string }

const ask = (url: string, newcomer: Newcomer): Effect.Effect<Answer> =>
  Effect.tryPromise(async (): Promise<Answer> => {
    const response = await fetch(`${url}/admin/members`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Raftlet-Timeout-Ms": String(answerMillis - 500) },
      body: JSON.stringify(newcomer),
      signal: AbortSignal.timeout(answerMillis),
    })
    if (response.ok) return { _tag: "Taken", detail: `${url} takes it in; it catches up` }
    const { code, detail, retryable } = Schema.decodeUnknownSync(Problem)(await response.json())
    const again = inUseCodes.has(code) ? "InUse" : "Again"
    return { _tag: retryable ? again : "Never", detail: `${code}: ${detail}` }
  }).pipe(Effect.catch(() => Effect.succeed<Answer>({ _tag: "Again", detail: `${url} does not answer` })))
