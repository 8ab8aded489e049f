// Does `cluster` start whole, stop whole, and leave nothing behind when it cannot? Real processes, small nodes.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { lastLines } from "../../src/cli/nodeProcesses.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const program = join(import.meta.dir, "fakeProgram.ts")
const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A port with room for its neighbours and their peers, as far as one can know. */
const freePort = (): number => {
  for (let port = 20_000 + Math.floor(Math.random() * 20_000); ; port += 10) {
    try {
      for (const offset of [0, 1, 2, 1000, 1001, 1002]) {
        Bun.listen({ hostname: "127.0.0.1", port: port + offset, socket: { data: () => {} } }).stop(true)
      }
      return port
    } catch {}
  }
}

const directory = () => {
  const path = mkdtempSync(join(tmpdir(), "raftlet-cluster-"))
  cleanups.push(() => rmSync(path, { recursive: true, force: true }))
  mkdirSync(join(path, "actors"))
  writeFileSync(join(path, "actors", "counter.ts"), "")
  return path
}

const start = (
  path: string,
  port: number,
  args: ReadonlyArray<string> = [],
  env: Record<string, string> = {},
) => {
  const words = ["cluster", "--port", String(port), "--data", join(path, "data")]
  const child = Bun.spawn([process.execPath, program, ...words, "--actors", join(path, "actors"), ...args], {
    cwd: path,
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  })
  cleanups.push(async () => {
    child.kill("SIGKILL")
    await child.exited
  })
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  let heard = ""
  return {
    child,
    until: async (text: string): Promise<string> => {
      while (!heard.includes(text)) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`ended after: ${heard}${await new Response(child.stderr).text()}`)
        heard += value
      }
      return heard
    },
    error: () => new Response(child.stderr).text(),
  }
}

const pidsIn = (table: string): ReadonlyArray<number> =>
  [...table.matchAll(/^n\d.* (\d+) +(?:leader|follower)$/gm)].map(([, pid]) => Number(pid))

test("what the environment says of one node is told to none of a cluster", async () => {
  const path = directory()
  const environment = { RAFTLET_CLIENT: "http://elsewhere:1", RAFTLET_JOIN: "http://127.0.0.1:1" }
  const cluster = start(path, freePort(), [], environment)
  await cluster.until("Try:")
  const { startOptions } = JSON.parse(readFileSync(join(path, "data", "n1", "node.json"), "utf8"))
  expect([startOptions.client, startOptions.join]).toEqual([undefined, undefined])
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Asked by their ports: a dead child of a dead parent may stay a zombie. */
const allGone = async (ports: ReadonlyArray<number>): Promise<void> => {
  for (const port of ports) {
    while (await fetch(`http://127.0.0.1:${port}`).then(Boolean, () => false)) await Bun.sleep(10)
  }
}

test("it prints who leads where and a line to try; SIGTERM stops all, with exit code 0 (CONTRACT §1)", async () => {
  const [path, port] = [directory(), freePort()]
  const cluster = start(path, port)
  const heard = await cluster.until("-d '{\"by\":1}'")
  expect(heard).toMatch(
    new RegExp(`^n1 +http://127\\.0\\.0\\.1:${port} +127\\.0\\.0\\.1:${port + 1000} +\\d+ +leader$`, "m"),
  )
  expect(heard).toContain(`curl -X POST http://127.0.0.1:${port}/propose/counter/visits/add -H 'content-type`)
  const pids = pidsIn(heard)
  expect(pids.length).toBe(3)
  expect(pids.every(isAlive)).toBe(true)
  cluster.child.kill("SIGTERM")
  expect(await cluster.child.exited).toBe(0)
  expect(pids.some(isAlive)).toBe(false)

  // The same data is the same cluster, and has as many nodes as it has.
  const otherSize = start(path, port, ["--nodes", "5"])
  expect(await otherSize.child.exited).toBe(2)
  expect(await otherSize.error()).toContain("holds a cluster of 3")
})

test("data that a running node holds is not thrown away, whatever is asked (CONTRACT §1, S10)", async () => {
  const path = directory()
  const data = join(path, "data")
  mkdirSync(join(data, "n2"), { recursive: true })
  writeFileSync(join(data, "n2", "held"), "")
  writeFileSync(join(data, "cluster.json"), JSON.stringify({ clusterId: "c", nodes: 3 }))
  for (const args of [["--fresh"], []]) {
    const cluster = start(path, freePort(), args)
    expect(await cluster.child.exited).toBe(2)
    expect(await cluster.error()).toContain(`a node still runs in ${join(data, "n2")}`)
  }
  expect(existsSync(join(data, "n2", "held"))).toBe(true)
  const other = directory()
  writeFileSync(join(other, "data"), "")
  const file = start(other, freePort())
  expect(await file.child.exited).toBe(2)
  expect(await file.error()).toContain("is not a directory")
})

test("a node that dies is reported and not restarted; the others go on (CONTRACT §1)", async () => {
  const cluster = start(directory(), freePort())
  const [, second = 0] = pidsIn(await cluster.until("-d '"))
  process.kill(second, "SIGKILL")
  const heard = await cluster.until("run node --data")
  expect(heard).toContain(`n2 (pid ${second}) has ended: signal SIGKILL`)
  expect(heard).toContain("| n2 serves")
  expect(pidsIn(heard).filter(isAlive).length).toBe(2)
})

test("killed itself, it takes its nodes with it", async () => {
  const port = freePort()
  const cluster = start(directory(), port)
  expect(pidsIn(await cluster.until("-d '")).length).toBe(3)
  cluster.child.kill("SIGKILL")
  await allGone([port, port + 1, port + 2])
})

test("a node that fails at its start stops the rest, and its last words are shown (O5)", async () => {
  const port = freePort()
  const cluster = start(directory(), port, [], { RAFTLET_TEST_FAIL: "n2" })
  expect(await cluster.child.exited).toBe(1)
  const error = await cluster.error()
  expect(error).toContain("n2 was told to fail")
  expect(error).toContain("n2 did not start (exit code 1)")
  expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
})

test("what a node said in earlier runs is not taken for its last words (O5)", async () => {
  const [path, port] = [directory(), freePort()]
  const before = start(path, port)
  await before.until("Try:")
  before.child.kill("SIGTERM")
  await before.child.exited
  expect(readFileSync(join(path, "data", "n2", "node.log"), "utf8")).toContain("n2 serves")
  const after = start(path, port, [], { RAFTLET_TEST_FAIL: "n2" })
  expect(await after.child.exited).toBe(1)
  const error = await after.error()
  expect(error).toContain("n2 was told to fail")
  expect(error).not.toContain("n2 serves")
})

test("the last words are of this run, however long the log, and none where there are none", () => {
  const log = join(directory(), "node.log")
  const said = (text: string, logOffset: number, count = 2) => {
    writeFileSync(log, text)
    return lastLines({ plan: { log }, logOffset }, count)
  }
  const old = "an earlier run\nfailed\n"
  expect(said(`${old}one\ntwo\nthree\n`, old.length)).toEqual(["two", "three"])
  expect(said(`${old}one\n`, old.length)).toEqual(["one"])
  expect(said(old, old.length)).toEqual([])
  expect(said("one\n", old.length)).toEqual(["one"])
  expect(said(`${old}${"x".repeat(100_000)}\none\n`, old.length)).toEqual(["one"])
  expect(lastLines({ plan: { log: `${log}.gone` }, logOffset: 0 }, 1)).toEqual([])
})

test("a port in use is one line and exit code 2, and nothing was begun (O5)", async () => {
  const [path, port] = [directory(), freePort()]
  const taken = Bun.listen({ hostname: "127.0.0.1", port: port + 1001, socket: { data: () => {} } })
  cleanups.push(() => taken.stop(true))
  const cluster = start(path, port)
  expect(await cluster.child.exited).toBe(2)
  expect(await cluster.error()).toBe(
    `raftlet: --port: ${port + 1001} is in use; stop what listens there, or say another --port\n`,
  )
  expect(existsSync(join(path, "data"))).toBe(false)
})

test("--fresh is another cluster in the same place", async () => {
  const [path, port] = [directory(), freePort()]
  const idOf = async (args: ReadonlyArray<string>) => {
    const cluster = start(path, port, args)
    await cluster.until("-d '")
    const { clusterId } = (await (await fetch(`http://127.0.0.1:${port}`)).json()) as { clusterId: string }
    cluster.child.kill("SIGTERM")
    await cluster.child.exited
    return clusterId
  }
  const ids = [await idOf(["--nodes", "1"]), await idOf([]), await idOf(["--fresh", "--nodes", "2"])]
  expect(ids[1]).toBe(ids[0]!)
  expect(ids[2]).not.toBe(ids[0]!)
})
