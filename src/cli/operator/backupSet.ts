// How does an operator get the state of all groups, as one cluster can be made of? One copy after the other, `main` last: what it
// says of groups and of keys is never older than what a group has done about it.

import { mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect, Schema } from "effect"
import { CliFailure, failed, refused } from "../CliFailure.ts"
import type { Platform } from "../Platform.ts"
import { type ClusterClient, decodeAnswer } from "./ClusterClient.ts"
import { download, syncDirectory } from "./download.ts"

export interface BackupOfGroup {
  readonly group: string
  /** Its name in the directory. */
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  readonly index: number | null
  readonly node: string | null
}

export interface BackupSet {
  readonly clusterId: string
  readonly groups: ReadonlyArray<BackupOfGroup>
}

/**
 * Backups of all open groups in a directory that appears when they are all there and fit together, or not at all. Where the
 * groups, or where actors live, have changed meanwhile, they are all taken again.
 */
export const backupAll = (
  client: ClusterClient,
  directory: string,
  seal: Platform["seal"],
  show: (text: string) => void,
): Effect.Effect<BackupSet, CliFailure> =>
  Effect.scoped(
    Effect.gen(function* () {
      const draft = yield* Effect.acquireRelease(
        onDisk(directory, () => mkdtempSync(`${directory}.part-`)),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true })),
      )
      for (let attempt = 1; ; attempt++) {
        const set = yield* takeAll(client, draft, show)
        const problem = yield* seal(draft, set)
        if (problem === null) {
          yield* onDisk(directory, () => renameSync(draft, directory))
          yield* syncDirectory(dirname(directory))
          return set
        }
        if (attempt === attemptsMax) return yield* failed(`taken ${attempt} times, and each time ${problem}`)
        show(`once more: ${problem}`)
        yield* Effect.sleep(pauseMillis * attempt)
        yield* onDisk(draft, () => readdirSync(draft).forEach((name) => rmSync(join(draft, name))))
      }
    }),
  )

/** Throws a CliFailure: a set is never put among, or in the place of, something else. */
export const refuseDirectory = (directory: string): void => {
  const found = statSync(directory, { throwIfNoEntry: false })
  if (found !== undefined && !found.isDirectory()) throw refused(`FILE: ${directory} is not a directory`)
  if (found !== undefined && readdirSync(directory).length > 0) {
    throw refused(`FILE: ${directory} is there already, and not empty; say another`)
  }
  if (statSync(dirname(directory), { throwIfNoEntry: false }) === undefined) {
    throw refused(`FILE: there is no directory ${dirname(directory)}`)
  }
}

const takeAll = Effect.fnUntraced(function* (
  client: ClusterClient,
  draft: string,
  show: (text: string) => void,
) {
  const others = (yield* groupsOf(client)).filter((group) => group !== mainGroup)
  const names = [...others.toSorted(), mainGroup]
  const taken: Array<BackupOfGroup & { readonly clusterId: string }> = []
  for (const [at, group] of names.entries()) {
    const which = `${group} (${at + 1} of ${names.length})`
    show(which)
    const one = yield* takeOne(client, draft, group, (text) => show(`${which}: ${text}`)).pipe(
      Effect.mapError(
        ({ message, ...more }) => new CliFailure({ ...more, message: `the group ${group}: ${message}` }),
      ),
    )
    taken.push(one)
  }
  const { clusterId } = taken[0]!
  const stranger = taken.find((one) => one.clusterId !== clusterId)
  if (stranger !== undefined) {
    return yield* refused(`--url: these nodes are of two clusters, ${clusterId} and ${stranger.clusterId}`)
  }
  return { clusterId, groups: taken.map(({ clusterId: _, ...one }) => one) } satisfies BackupSet
})

const takeOne = Effect.fnUntraced(function* (
  client: ClusterClient,
  draft: string,
  group: string,
  show: (text: string) => void,
) {
  const response = yield* client.open(`/admin/backup?${new URLSearchParams({ group })}`)
  const clusterId = clusterIdOf(response, group)
  if (clusterId === null) return yield* failed("the node did not say of which cluster its backup is")
  const file = fileNameOf(group)
  const { bytes, sha256 } = yield* download(response, join(draft, file), show)
  const index = response.headers.get("raftlet-index")
  const node = response.headers.get("raftlet-node")
  return { group, file, bytes, sha256, index: index === null ? null : Number(index), node, clusterId }
})

/** What becomes the name of a file is looked at first. */
const groupName = /^[a-z][a-z0-9_-]{0,62}$/i

const GroupsAnswer = Schema.Struct({
  groups: Schema.Array(Schema.Struct({ group: Schema.String.check(Schema.isPattern(groupName)) })),
})

/** As a node knows them: what the copy of `main` says in the end is what counts. */
export const groupsOf = (client: ClusterClient): Effect.Effect<ReadonlyArray<string>, CliFailure> =>
  client.look("/admin/groups").pipe(
    Effect.flatMap((answer) => decodeAnswer(GroupsAnswer, answer)),
    Effect.map(({ groups }) => groups.map(({ group }) => group)),
  )

/** Of what a node calls it: `raftlet-<cluster id>-<group>-<index>.db`. */
const clusterIdOf = (response: Response, group: string): string | null => {
  const named = /filename="raftlet-(.+)-\d+\.db"/.exec(response.headers.get("content-disposition") ?? "")?.[1]
  const end = `-${group}`
  return named?.endsWith(end) === true ? named.slice(0, -end.length) : null
}

/** Names that differ in the case of a letter alone are two, and there are file systems that do not see it. */
const fileNameOf = (group: string): string =>
  `${group.replace(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)}.db`

const onDisk = <A>(path: string, body: () => A): Effect.Effect<A, CliFailure> =>
  Effect.try({
    try: body,
    catch: (cause) => failed(`${path} cannot be written: ${cause instanceof Error ? cause.message : cause}`),
  })

const mainGroup = "main"
/** A split of a large shard takes longer than that; then it is for the operator to come back. */
const attemptsMax = 3
const pauseMillis = 1000
