// Does whoever watches hear every event once, whichever nodes live?

import { describe, expect, test } from "bun:test"
import { Failure, type WatchEvent } from "raftlet/client"
import { type Reply, refusal, type Seen, urls, world } from "./fake.ts"

const a = { actor: "counter", key: "a/b" }

/** A stream of these pieces, and how it ends; without an end it stays silent. */
const streamOf = (
  pieces: ReadonlyArray<string>,
  end?: "ends" | "breaks",
  ended: { cancelled?: boolean } = {},
): Response => {
  const left = pieces.map((piece) => new TextEncoder().encode(piece))
  return new Response(
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => {
        const piece = left.shift()
        if (piece !== undefined) return controller.enqueue(piece)
        if (end === "ends") return controller.close()
        if (end === "breaks") return controller.error(new TypeError("reset"))
        return new Promise(() => {})
      },
      cancel: () => {
        ended.cancelled = true
      },
    }),
    { headers: { "Content-Type": "text/event-stream" } },
  )
}

const added = (id: string, by: number) => `id: ${id}\nevent: added\ndata: {"by":${by}}\n\n`
const event = (id: string, by: number): WatchEvent => ({ type: "event", id, event: "added", data: { by } })

const watching = (reply: (request: Seen, count: number) => Reply) => {
  const made = world(reply)
  /** So many events, and then no more. */
  const take = async (count: number, question: object = {}): Promise<ReadonlyArray<WatchEvent>> => {
    const taken: Array<WatchEvent> = []
    for await (const event of made.raftlet.watch({ ...a, ...question })) {
      taken.push(event)
      if (taken.length === count) break
    }
    return taken
  }
  return { ...made, take: (count: number, question?: object) => made.clock.run(take(count, question)) }
}

test("events come as they are, with their ids; cursors alone are none", async () => {
  const { take, seen } = watching(() =>
    streamOf([
      "retry: 1000\nid: 7\n",
      `\n${added("7.001", 1)}${added("8", 2).slice(0, 9)}`,
      added("8", 2).slice(9),
    ]),
  )
  expect(await take(2)).toEqual([event("7.001", 1), event("8", 2)])
  // Each begins at another node than the one before.
  expect(seen).toMatchObject([{ method: "GET", url: `${urls[1]}/watch/counter/a%2Fb` }])
  expect(seen[0]!.headers.get("last-event-id")).toBeNull()
})

test("a reset carries the state", async () => {
  const data = `{"state":{"value":4},"revision":3,"index":9}`
  const { take } = watching(() => streamOf([`id: 9\nevent: reset\ndata: ${data}\n\n`]))
  expect(await take(1)).toEqual([{ type: "reset", id: "9", state: { value: 4 }, revision: 3, index: 9 }])
})

test("it begins behind an id or an index", async () => {
  const { take, seen } = watching(() => streamOf([added("9", 1)]))
  await take(1, { after: "7.001@3" })
  await take(1, { after: 7 })
  await take(1, { after: 0 })
  expect(seen.map(({ headers }) => headers.get("last-event-id"))).toEqual(["7.001@3", "7", "0"])
})

test.each(["ends", "breaks", undefined] as const)(
  "a stream that %p is gone on with at another node, behind what was heard",
  async (end) => {
    const { take, seen, asked, clock } = watching((_, count) =>
      count === 1
        ? streamOf([added("7", 1), "id: 8\n\n", "id: 9\nevent: half"], end)
        : streamOf([added("10", 2)]),
    )
    expect(await take(2)).toEqual([event("7", 1), event("10", 2)])
    expect(seen.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, "8"])
    expect(new Set(asked()).size).toBe(2)
    // A node that lives speaks every 15 seconds.
    expect(clock.now()).toBe(end === undefined ? 40_050 : 50)
  },
)

test("a stream that breaks before its first cursor begins anew", async () => {
  const { take, seen } = watching((_, count) =>
    count === 1 ? streamOf([], "ends") : streamOf([added("1", 1)]),
  )
  expect(await take(1)).toEqual([event("1", 1)])
  expect(seen.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, null])
})

test("what is no stream of events is left for another node", async () => {
  const replies = [
    streamOf([`id: 1\nevent: added\ndata: {"by"\n\n`]),
    new Response("<h1>Hello</h1>"),
    streamOf([added("1", 1)]),
  ]
  const { take, seen } = watching((_, count) => (count === 2 ? "cut" : replies[Math.min(count, 3) - 1]!))
  expect(await take(1)).toEqual([event("1", 1)])
  expect(seen.length).toBeGreaterThanOrEqual(3)
})

describe("it fails", () => {
  const failureOf = async (promise: Promise<unknown>) => {
    const cause = await promise.then(
      () => null,
      (cause: unknown) => cause,
    )
    expect(cause).toBeInstanceOf(Failure)
    return cause
  }

  test("at once when it is refused for good", async () => {
    const { take, clock } = watching(() => refusal("unknown-actor"))
    expect(await failureOf(take(1))).toMatchObject({ code: "unknown-actor", status: 404 })
    expect(clock.now()).toBe(0)
  })

  test("when no node has been there for as long as is allowed, with the last reason", async () => {
    const { take, clock } = watching((_, count) => (count % 2 === 0 ? "hang" : refusal("stale")))
    expect(await failureOf(take(1, { timeoutMillis: 9000 }))).toMatchObject({ outcome: "rejected" })
    expect(clock.now()).toBeGreaterThan(7000)
    expect(clock.now()).toBeLessThanOrEqual(9000)
    expect(clock.timers).toBe(0)
  })

  test("and each stream that begins gives it the time anew", async () => {
    const { take, clock } = watching((_, count) =>
      count < 9 ? streamOf([`id: ${count}\n\n`]) : streamOf([added("9", 1)]),
    )
    expect(await take(1, { timeoutMillis: 1000 })).toEqual([event("9", 1)])
    expect(clock.now()).toBeGreaterThan(300_000)
  })
})

test("neither what was read nor who was asked leaves a timer or a listener behind while it goes on", async () => {
  const controller = new AbortController()
  let held = 0
  const add = AbortSignal.prototype.addEventListener
  const remove = AbortSignal.prototype.removeEventListener
  AbortSignal.prototype.addEventListener = function (...args: Parameters<typeof add>) {
    held++
    add.apply(this, args)
  }
  AbortSignal.prototype.removeEventListener = function (...args: Parameters<typeof remove>) {
    held--
    remove.apply(this, args)
  }
  try {
    const { raftlet, clock } = world((_, count) =>
      count % 10 === 0 ? streamOf([added(`${count}`, count)], "ends") : refusal("no-leader"),
    )
    const stream = raftlet.watch({ ...a, signal: controller.signal })
    await clock.run(stream.next())
    const before = { held, timers: clock.timers }
    for (let at = 0; at < 5; at++) await clock.run(stream.next())
    expect({ held, timers: clock.timers }).toEqual(before)
  } finally {
    AbortSignal.prototype.addEventListener = add
    AbortSignal.prototype.removeEventListener = remove
  }
})

test("whoever leaves cuts the stream off, and leaves nothing behind", async () => {
  const ended: { cancelled?: boolean } = {}
  const { take, clock } = watching(() => streamOf([added("1", 1), added("2", 2)], undefined, ended))
  await take(1)
  expect(ended.cancelled).toBe(true)
  expect(clock.timers).toBe(0)
})

test("a signal ends it, whatever it waits for", async () => {
  const replies: ReadonlyArray<() => Reply> = [
    () => streamOf([added("1", 1)]),
    () => "hang",
    () => refusal("no-leader"),
  ]
  for (const reply of replies) {
    const { raftlet, clock } = world(reply)
    const controller = new AbortController()
    const watch = async () => {
      for await (const _ of raftlet.watch({ ...a, signal: controller.signal }));
    }
    const give = async () => {
      await clock.sleep(300, new AbortController().signal)
      controller.abort(new Error("enough"))
    }
    const watched = watch().then(
      () => null,
      (cause: unknown) => cause,
    )
    const [cause] = await clock.run(Promise.all([watched, give()]))
    expect(cause).toMatchObject({ message: "enough" })
    expect(clock.timers).toBe(0)
  }
})

test("close ends it", async () => {
  const { raftlet, clock } = world(() => streamOf([added("1", 1)]))
  const stream = raftlet.watch(a)
  expect(await clock.run(stream.next())).toMatchObject({ value: event("1", 1) })
  const next = stream.next().then(
    () => null,
    (cause: unknown) => cause,
  )
  raftlet.close()
  expect(await clock.run(next)).toMatchObject({ message: "the client was closed" })
})
