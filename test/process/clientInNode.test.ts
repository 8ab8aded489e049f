// Does the client do its work in Node, with what Node itself has? Bundled as for a browser, it knows nothing of Bun.

import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { withCluster } from "./support/Cluster.ts"

const node = Bun.which("node", { PATH: process.env.PATH ?? "" })
if (node === null) console.warn("SKIPPED: the client in Node: there is no node here")

const program = `
import { client, Failure } from "./client.js"

const raftlet = client(process.argv.slice(2))
const a = { actor: "counter", key: "a" }
const add = (by) => ({ ...a, command: "add", input: { by } })
const watched = []
const watching = async () => {
  for await (const event of raftlet.watch({ ...a, after: 0 })) if (watched.push(event) === 3) break
}
const events = watching()
const first = await raftlet.propose({ ...add(2), idempotencyKey: "once" })
const again = await raftlet.propose({ ...add(2), idempotencyKey: "once" })
const many = await raftlet.proposeMany([add(3), add("x"), add(4)])
const refused = await raftlet.propose(add(Number.MAX_SAFE_INTEGER)).catch((failure) => failure)
await events
const keys = []
for await (const { key } of raftlet.instances({ actor: "counter" })) keys.push(key)
console.log(JSON.stringify({
  bun: typeof Bun,
  results: [first.result, again.result, again.replayed, ...many.map((one) => one.result ?? one.code)],
  refused: [refused instanceof Failure, refused.outcome, refused.reason, refused.getResponse().status],
  read: (await raftlet.read({ ...a, query: "value" })).result,
  state: (await raftlet.state({ ...a, consistency: "local", minIndex: many[2].index })).state,
  watched: watched.map(({ type, event, data }) => [type, event, data]),
  keys,
}))
`

// skip: the client's work in Node is seen where there is a node
test.skipIf(node === null)(
  "in Node a bundle of it proposes, reads, lists and watches, and needs nothing else",
  () =>
    withCluster(async (cluster) => {
      const directory = mkdtempSync(join(tmpdir(), "raftlet-node-"))
      try {
        const built = await Bun.build({
          entrypoints: [join(import.meta.dir, "../../src/client/index.ts")],
          target: "browser",
          outdir: directory,
          naming: "client.js",
        })
        expect(built.logs).toEqual([])
        await Bun.write(join(directory, "package.json"), '{"type":"module"}')
        await Bun.write(join(directory, "program.js"), program)
        const child = Bun.spawn([node!, join(directory, "program.js"), ...cluster.urls], {
          stderr: "inherit",
        })
        const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
        expect(code).toBe(0)
        expect(JSON.parse(text)).toEqual({
          bun: "undefined",
          results: [2, 2, true, 5, "invalid-input", 9],
          refused: [
            true,
            "rejected",
            { code: "out-of-range", message: "The counter would leave its range.", data: null },
            422,
          ],
          read: 9,
          state: { value: 9 },
          watched: [
            ["event", "added", { by: 2, value: 2 }],
            ["event", "added", { by: 3, value: 5 }],
            ["event", "added", { by: 4, value: 9 }],
          ],
          keys: ["a"],
        })
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    }),
  60_000,
)
