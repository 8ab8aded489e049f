// Does Bun keep its hands off the network when a package is missing?

import { expect, test } from "bun:test"
import { copyFileSync } from "node:fs"
import { join } from "node:path"
import { folder } from "./tree.ts"

test("a missing package is an error, and no registry is asked for it", async () => {
  const asked: Array<string> = []
  using registry = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(request.url)
      return new Response("none", { status: 404 })
    },
  })
  using here = folder({ "main.ts": 'import "no-such-package-here"\n' })
  copyFileSync(join(import.meta.dir, "../../bunfig.toml"), join(here.path, "bunfig.toml"))
  const child = Bun.spawn([process.execPath, "main.ts"], {
    cwd: here.path,
    env: { BUN_CONFIG_REGISTRY: registry.url.href, BUN_INSTALL_CACHE_DIR: join(here.path, "cache") },
    stdout: "ignore",
    stderr: "pipe",
  })
  const [error, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
  expect(code).toBe(1)
  expect(error).toContain("Cannot find package 'no-such-package-here'")
  expect(asked).toEqual([])
})
