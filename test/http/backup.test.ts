// Is a backup whole, as fresh as it says, and never more than its client takes? (CONTRACT §3, H6, N11)

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { connect } from "node:net"
import { Effect } from "effect"
import { type Fake, leaderless, makeFake } from "./fakeRaft.ts"
import { problemOf } from "./problems.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const large = (bytes: number): Uint8Array => {
  const filled = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += 4096) filled[at] = at / 4096
  return filled
}

/** Waits for what the server does on its own. */
const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let look = 0; look < 400; look++) {
    if (holds()) return
    await Bun.sleep(25)
  }
  throw new Error(`waited in vain for ${what}`)
}

describe("GET /admin/backup", () => {
  test("gives the whole file, and headers that say what it is", async () => {
    const fake = makeFake()
    fake.backup.bytes = large(1_300_000)
    const response = await fake.ask("/admin/backup")
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/vnd.sqlite3",
      "content-disposition": 'attachment; filename="raftlet-c-1-main-7.db"',
      "content-length": "1300000",
      "raftlet-index": "7",
      // As of the index, not as of now.
      "raftlet-term": "1",
      "raftlet-node": "n1",
    })
    const bytes = await response.bytes()
    expect(Buffer.compare(bytes, fake.backup.bytes)).toBe(0)
    const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("base64")
    expect(response.headers.get("repr-digest")).toBe(`sha-256=:${digest}:`)
    expect(fake.backup.held).toBe(0)
  })

  test("is as fresh as a linearizable read: only after it the copy is made", async () => {
    const fake = makeFake()
    fake.instead.current = "silence"
    const asked = fake.ask("/admin/backup")
    await until("the read", () => fake.reads.length === 1)
    expect(fake.reads[0]).toMatchObject({ consistency: "linearizable", deadline: expect.any(Number) })
    expect(fake.backup.asked).toBe(0)
    fake.reads[0]!.answer({ _tag: "Answered", body: "{}", index: 7 })
    expect((await asked).status).toBe(200)
    expect(fake.backup.asked).toBe(1)
  })

  test("is refused while nobody can say what was acknowledged", async () => {
    const fake = makeFake()
    fake.status.current = leaderless
    fake.instead.current = { _tag: "Failure", code: "no-leader", outcome: "rejected", detail: "none" }
    expect(await problemOf(await fake.ask("/admin/backup"))).toMatchObject({ status: 503, code: "no-leader" })
    expect(fake.backup.asked).toBe(0)
  })

  test("of an unknown group, with an unknown parameter or a wrong timeout is a mistake", async () => {
    const fake = makeFake()
    expect(await problemOf(await fake.ask("/admin/backup?group=other"))).toMatchObject({ status: 404 })
    expect(await problemOf(await fake.ask("/admin/backup?from=7"))).toMatchObject({ status: 400 })
    const headers = { "raftlet-timeout-ms": "soon" }
    expect(await problemOf(await fake.ask("/admin/backup", { headers }))).toMatchObject({ status: 400 })
    expect(fake.backup.asked).toBe(0)
  })

  test("says what keeps a copy from being made, and another one may be asked for at once", async () => {
    const fake = makeFake()
    for (const [tag, status, code] of [
      ["StorageFull", 507, "storage-full"],
      ["StorageFailed", 503, "shutting-down"],
      ["StateInRepair", 503, "not-ready"],
    ] as const) {
      fake.backupInstead.current = Effect.fail({ _tag: tag, message: "no" }) as never
      for (let times = 0; times < 3; times++) {
        expect(await problemOf(await fake.ask("/admin/backup"))).toMatchObject({ status, code })
      }
    }
  })

  test("that is not there in time is given up, and let go when it is", async () => {
    const fake = makeFake()
    const { promise, resolve } = Promise.withResolvers<void>()
    fake.backupInstead.current = promise
    const headers = { "raftlet-timeout-ms": "30" }
    expect(await problemOf(await fake.ask("/admin/backup", { headers }))).toMatchObject({ code: "timeout" })
    resolve()
    await until("the copy to be made and let go", () => fake.backup.made === 1 && fake.backup.held === 0)
  })

  test("is not for a page of another origin, which could have the disk busy with copies", async () => {
    const fake = makeFake()
    const headers = { "sec-fetch-site": "cross-site" }
    expect(await problemOf(await fake.ask("/admin/backup", { headers }))).toMatchObject({ code: "forbidden" })
    expect(fake.backup.asked).toBe(0)
  })

  test("HEAD makes no copy", async () => {
    const fake = makeFake()
    const response = await fake.ask("/admin/backup", { method: "HEAD" })
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe("application/vnd.sqlite3")
    expect(fake.backup.asked).toBe(0)
  })
})

describe("on a socket", () => {
  const serve = (fake: Fake) => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => fake.app.fetch(request) })
    cleanups.push(() => server.stop(true))
    return server
  }

  /** A client that asks, hears the first bytes, and then takes nothing more. */
  const stalled = async (fake: Fake, port: number) => {
    const before = fake.backup.held
    const socket = connect(port, "127.0.0.1")
    socket.on("error", () => {})
    cleanups.push(async () => socket.destroy())
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.once("data", () => {
      socket.pause()
      resolve()
    })
    socket.write("GET /admin/backup HTTP/1.1\r\nHost: h\r\n\r\n")
    await promise
    expect(fake.backup.held).toBe(before + 1)
    return socket
  }

  test("a client that takes nothing is sent no more than a few pieces; when it goes the copy is let go (H6)", async () => {
    const fake = makeFake()
    const bytes = large(64 * 1024 * 1024)
    let readTo = 0
    fake.backupInstead.current = Effect.acquireRelease(
      Effect.sync(() => {
        fake.backup.held++
        return {
          snapshot: { index: 7, term: 1, id: "00", bytes: bytes.byteLength, configuration: null as never },
          read: (offset: number, bytesMax: number) =>
            Effect.sync(() => {
              readTo = offset + bytesMax
              return bytes.slice(offset, offset + bytesMax)
            }),
        }
      }),
      () => Effect.sync(() => fake.backup.held--),
    )
    const socket = await stalled(fake, serve(fake).port!)
    // Whatever the system's own buffers take, it is far from all.
    let before = -1
    while (before !== readTo) {
      before = readTo
      await Bun.sleep(200)
    }
    expect(readTo).toBeLessThan(16 * 1024 * 1024)
    socket.destroy()
    await until("the copy to be let go", () => fake.backup.held === 0)
  })

  test("two at a time; a third one is told to come back, and may when one has gone (H5)", async () => {
    const fake = makeFake()
    fake.backup.bytes = large(64 * 1024 * 1024)
    const { port } = serve(fake)
    const first = await stalled(fake, port!)
    await stalled(fake, port!)
    const third = await fetch(`http://127.0.0.1:${port}/admin/backup`)
    expect(third.headers.get("retry-after")).toBe("1")
    expect(await problemOf(third)).toMatchObject({ status: 503, code: "overloaded", outcome: "rejected" })
    first.destroy()
    await until("room for another", () => fake.backup.held === 1)
    const later = await fetch(`http://127.0.0.1:${port}/admin/backup`)
    expect((await later.bytes()).byteLength).toBe(fake.backup.bytes.byteLength)
  })

  test("a client that has gone before the copy is made costs nothing more", async () => {
    const fake = makeFake()
    const { promise, resolve } = Promise.withResolvers<void>()
    fake.backupInstead.current = promise
    const { port } = serve(fake)
    const controller = new AbortController()
    const asked = fetch(`http://127.0.0.1:${port}/admin/backup`, { signal: controller.signal })
    await until("the copy to be asked for", () => fake.backup.asked === 1)
    controller.abort()
    await expect(asked).rejects.toThrow()
    await Bun.sleep(50)
    resolve()
    fake.backupInstead.current = null
    await until("the copy to be let go", () => fake.backup.made === 1 && fake.backup.held === 0)
    const after = await fetch(`http://127.0.0.1:${port}/admin/backup`)
    expect(await after.text()).toBe("all of it")
  })

  test("a copy that cannot be read to its end is no whole answer (S5)", async () => {
    const fake = makeFake()
    fake.backupInstead.current = Effect.succeed({
      snapshot: { index: 7, term: 1, id: "00", bytes: 3_000_000, configuration: null as never },
      read: (offset: number, bytesMax: number) =>
        Effect.succeed(large(2_000_000).slice(offset, offset + bytesMax)),
    })
    const response = await fetch(`http://127.0.0.1:${serve(fake).port}/admin/backup`)
    await expect(response.bytes()).rejects.toThrow()
  })
})
