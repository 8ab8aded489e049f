// How do closed windows become files, however leaders come and go?
//
// What waits stands in the state, and its bytes follow from the state alone. It is written first and confirmed then, by an
// entry of the log that lets go of the rows. Whoever dies between the two leaves a file that the next leader writes again,
// with the same bytes. Nothing can be confirmed that is not there, and nothing is forgotten that was not confirmed.

import { Effect } from "effect"
import type { ProposeFailed, ReadFailed } from "raftlet"
import { type FileFailed, type Files, pathOf } from "./files.ts"

/** What it asks of its group. */
export interface Desk {
  readonly tenants: (after: string) => Effect.Effect<Page, ReadFailed>
  /** Names of files, oldest first. */
  readonly waiting: (
    tenant: string,
  ) => Effect.Effect<{ readonly result: ReadonlyArray<string>; readonly revision: number }, ReadFailed>
  readonly texts: (
    tenant: string,
    name: string,
  ) => Effect.Effect<{ readonly result: { readonly jsonl: string; readonly csv: string } | null }, ReadFailed>
  readonly confirm: (
    tenant: string,
    written: { readonly name: string; readonly bytes: number; readonly sha256: string },
  ) => Effect.Effect<unknown, ProposeFailed>
}

interface Page {
  readonly instances: ReadonlyArray<{ readonly key: string; readonly revision: number }>
  /** Where the next page begins; null: there is none. */
  readonly next: string | null
}

const tenantsAtOnce = 4

/** For as long as the group leads here. Fails when a file could not be written, after all others were. */
export const keepFiling = Effect.fnUntraced(function* (files: Files, desk: Desk) {
  /** Revisions at which nothing was waiting: whoever is still there need not be asked again. */
  const settled = new Map<string, number>()
  while (true) {
    const failures: Array<FileFailed> = []
    for (let after: string | null = ""; after !== null; ) {
      const page: Page = yield* desk.tenants(after)
      const changed = page.instances.filter(({ key, revision }) => settled.get(key) !== revision)
      const file = ({ key }: { readonly key: string }) =>
        fileAll(files, desk, key).pipe(
          Effect.map((revision) => settled.set(key, revision)),
          Effect.catchTags({
            // The others are not to wait for it.
            FileFailed: (failure) => Effect.sync(() => void failures.push(failure)),
            // The tenant has gone to another group of the actor, whose leader looks after it.
            ReadFailed: leaveElsewhere,
            ProposeFailed: leaveElsewhere,
          }),
        )
      yield* Effect.forEach(changed, file, { concurrency: tenantsAtOnce, discard: true })
      after = page.next
    }
    const [failure] = failures
    if (failure !== undefined) return yield* failure
    yield* Effect.sleep("1 second")
  }
})

/** Gives the revision at which nothing waits any more. */
const fileAll = Effect.fnUntraced(function* (files: Files, desk: Desk, tenant: string) {
  while (true) {
    const { result: names, revision } = yield* desk.waiting(tenant)
    if (names.length === 0) return revision
    for (const name of names) {
      const { result: texts } = yield* desk.texts(tenant, name)
      if (texts === null) continue
      yield* files.put({
        [pathOf(name, tenant, "csv")]: texts.csv,
        [pathOf(name, tenant, "jsonl")]: texts.jsonl,
      })
      yield* desk
        .confirm(tenant, { name, ...digestOf(texts.jsonl) })
        .pipe(Effect.catchIf(wasConfirmed, () => Effect.void))
    }
  }
})

/** By a proposal that got no answer, and was executed all the same. */
const wasConfirmed = ({ reason }: ProposeFailed): boolean => reason?.code === "not-waiting"

const leaveElsewhere = <Failure extends ReadFailed | ProposeFailed>(failure: Failure) =>
  failure.code === "elsewhere" ? Effect.void : Effect.fail(failure)

const digestOf = (text: string): { readonly bytes: number; readonly sha256: string } => ({
  bytes: new TextEncoder().encode(text).length,
  sha256: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
})
