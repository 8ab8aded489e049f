// How does a test get a backup, look into it, and make a cluster of it?

import { Database } from "bun:sqlite"
import { expect } from "bun:test"
import { createHash } from "node:crypto"
import { createWriteStream } from "node:fs"
import { join } from "node:path"
import { finished } from "node:stream/promises"
import { Cluster, loopbackPlaces } from "./Cluster.ts"
import { type NodeProcess, runProgram } from "./NodeProcess.ts"

export const actors = join(import.meta.dir, "../actors")

export interface Backup {
  readonly file: string
  readonly index: number
  readonly bytes: number
  readonly firstByteMillis: number
  readonly millis: number
}

/** Downloads it piece by piece, and holds the digest against what has come. */
export const download = async (
  node: NodeProcess,
  file: string,
  options: { readonly pause?: () => Promise<void> } = {},
): Promise<Backup> => {
  const startedAt = performance.now()
  const response = await fetch(`${node.url}/admin/backup`, { signal: AbortSignal.timeout(300_000) })
  if (response.status !== 200) throw new Error(`${node.id}: ${response.status} ${await response.text()}`)
  const firstByteMillis = performance.now() - startedAt
  const hash = createHash("sha256")
  const out = createWriteStream(file)
  let bytes = 0
  for await (const piece of response.body!) {
    hash.update(piece)
    bytes += piece.byteLength
    if (!out.write(piece)) await new Promise((resolve) => out.once("drain", resolve))
    await options.pause?.()
  }
  await finished(out.end())
  expect(response.headers.get("repr-digest")).toBe(`sha-256=:${hash.digest("base64")}:`)
  const index = Number(response.headers.get("raftlet-index"))
  expect(response.headers.get("content-disposition")).toContain(`-main-${index}.db"`)
  return { file, index, bytes, firstByteMillis, millis: performance.now() - startedAt }
}

export interface FileContent {
  readonly index: number
  readonly digest: string
  /** `actor/key` → revision and state. */
  readonly instances: ReadonlyMap<string, { readonly revision: number; readonly state: unknown }>
  readonly timers: number
}

/** As anybody with SQLite reads it. */
export const contentOf = (file: string): FileContent => {
  const database = new Database(file, { readonly: true })
  try {
    const { entry_index, digest } = database
      .query<{ entry_index: number; digest: string }, []>("SELECT entry_index, digest FROM position")
      .get()!
    const rows = database
      .query<{ actor: string; key: string; revision: number; state: string }, []>(
        "SELECT actor, key, revision, state FROM instances",
      )
      .all()
    const [timers] = database.query("SELECT count(*) FROM timers").values()[0] as [number]
    const instances = rows.map(
      ({ actor, key, revision, state }) =>
        [`${actor}/${key}`, { revision, state: JSON.parse(state) }] as const,
    )
    return { index: entry_index, digest, instances: new Map(instances), timers }
  } finally {
    database.close()
  }
}

/** Runs `body` with a cluster that was made of the file or directory: every node restored, none started. */
export const withRestored = async (
  file: string,
  nodes: number,
  body: (restored: Cluster) => Promise<void>,
  options: { readonly actors: string } = { actors },
): Promise<void> => {
  const places = loopbackPlaces(nodes)
  const restored = new Cluster(places, options)
  try {
    for (const [at, node] of restored.nodes.entries()) {
      const { id, members } = places[at]!
      const args = ["restore", file, "--data", node.data, "--id", id, "--cluster", members]
      expect(await runProgram(args)).toMatchObject({ end: 0, stderr: "" })
    }
    await body(restored)
  } catch (error) {
    restored.showLogs()
    throw error
  } finally {
    await restored.remove()
  }
}
