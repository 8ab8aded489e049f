// Does a client that watches see every event, in order, once, whatever becomes of its connection? (L10, H7)

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { cursorText, eventFrames, parseCursor } from "../../src/http/eventFrames.ts"
import { until } from "../process/support/wait.ts"
import { EventStream, type StreamEvent } from "../support/EventStream.ts"
import { problemOf } from "./problems.ts"
import { Watching } from "./watching.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const numberOf = ({ data }: StreamEvent): number => (JSON.parse(data) as { readonly at: number }).at
const numbersOf = (events: ReadonlyArray<StreamEvent>): ReadonlyArray<number> => events.map(numberOf)
const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, at) => from + at)

describe("a stream (CONTRACT §3)", () => {
  test("begins with now, says where that is, and tells each event with its index, name and data", async () => {
    const at = new Watching()
    at.say(1)
    const response = await at.ask()
    expect(response.status).toBe(200)
    const { headers } = response
    expect(headers.get("content-type")).toBe("text/event-stream")
    expect(headers.get("cache-control")).toBe("no-store")
    expect(headers.get("x-accel-buffering")).toBe("no")
    expect(headers.get("raftlet-node")).toBe("n1")
    expect(headers.get("raftlet-leader")).toBe("n1;http://127.0.0.1:4001")
    expect(headers.get("raftlet-term")).toBe("2")
    expect(headers.get("raftlet-index")).toBe("1")
    const stream = new EventStream(response)
    // Its cursor before the first event: cut off here, it misses nothing.
    await stream.until(({ lastEventId }) => lastEventId === "1")
    expect(stream.retryMillis).toBe(1000)
    at.say(1)
    at.say(1, { key: "b" })
    at.say(1)
    expect(await stream.take(2)).toEqual([
      { id: "2", event: "said", data: '{"at":2,"padding":""}' },
      { id: "4", event: "said", data: '{"at":3,"padding":""}' },
    ])
  })

  test("stands on the wire as the standard wants it", async () => {
    const at = new Watching()
    at.say(2)
    const response = await at.ask("/watch/speaker/a?after=0")
    const { value } = await response.body!.getReader().read()
    expect(new TextDecoder().decode(value)).toBe(
      [
        "retry: 1000\nid: 0\n\n",
        'id: 0.001\nevent: said\ndata: {"at":1,"padding":""}\n\n',
        'id: 1\nevent: said\ndata: {"at":2,"padding":""}\n\n',
      ].join(""),
    )
  })

  test("is the instance's own, whatever its key is", async () => {
    const at = new Watching()
    const key = "a/ü%20 \n:é"
    const stream = await at.watch(`/watch/speaker/${encodeURIComponent(key)}`)
    at.say(1)
    at.say(1, { key })
    expect(await stream.take(1)).toMatchObject([{ id: "2" }])
  })

  test("resumes behind the cursor, by header or query; the header is the newer one", async () => {
    const at = new Watching()
    for (let count = 0; count < 5; count++) at.say(1)
    const header = { "last-event-id": "3" }
    expect(numbersOf(await (await at.watch("/watch/speaker/a", header)).take(2))).toEqual([4, 5])
    expect(numbersOf(await (await at.watch("/watch/speaker/a?after=2")).take(3))).toEqual([3, 4, 5])
    expect(numbersOf(await (await at.watch("/watch/speaker/a?after=1", header)).take(2))).toEqual([4, 5])
    // As a client says that has none yet.
    const fresh = await at.watch("/watch/speaker/a", { "last-event-id": "" })
    at.say(1)
    expect(numbersOf(await fresh.take(1))).toEqual([6])
  })

  test("tells a cursor that is too old the state, once, and goes on from there without a gap or a repetition", async () => {
    const at = new Watching({}, { eventsKeptMax: 2 })
    for (let count = 0; count < 5; count++) at.say(1)
    const stream = await at.watch("/watch/speaker/a?after=1")
    at.say(1)
    const [reset, next] = await stream.take(2)
    expect(reset).toEqual({
      id: "5",
      event: "reset",
      data: '{"state":{"said":5},"revision":5,"index":5}',
    })
    expect(numberOf(next!)).toBe(6)
    expect(await at.metric("raftlet_watch_resets_total")).toBe(1)
    expect(await at.metric("raftlet_watch_events_total")).toBe(1)
  })

  test("cut at any byte and resumed there tells every event once (L10)", async () => {
    const at = new Watching()
    for (const count of [1, 3, 0, 2]) at.say(count)
    const response = await at.ask("/watch/speaker/a?after=0")
    const { value: whole } = await response.body!.getReader().read()
    for (let cut = 0; cut <= whole!.length; cut++) {
      const head = new EventStream(new Response(whole!.slice(0, cut)), "0")
      const seen: Array<StreamEvent> = []
      for (let event = await head.next(); event !== null; event = await head.next()) seen.push(event)
      const rest = await at.watch("/watch/speaker/a", { "last-event-id": head.lastEventId })
      seen.push(...(await rest.take(6 - seen.length)))
      expect(numbersOf(seen)).toEqual(upTo(6))
      await rest.close()
    }
  })

  test("pages through what is more than a client takes at once", async () => {
    const at = new Watching()
    for (let count = 0; count < 40; count++) at.say(2, { padding: 5000 })
    const stream = await at.watch("/watch/speaker/a?after=0")
    expect(numbersOf(await stream.take(80))).toEqual(upTo(80))
    expect(at.questions.length).toBeGreaterThan(4)
  })
})

describe("a cursor", () => {
  test("between two events of an entry is a number between two indexes", () => {
    expect(cursorText({ index: 122, seen: 0 })).toBe("122")
    expect(cursorText({ index: 122, seen: 7 })).toBe("122.007")
    for (const text of ["0", "122", "122.007", "9007199254740991"]) {
      expect(cursorText(parseCursor(text, "after"))).toBe(text)
    }
    const events = Array.from({ length: 100 }, () => ({ event: "said", data: "1" }))
    const { text, count } = eventFrames({ index: 0, seen: 0 }, [{ index: 5, events }])
    expect(count).toBe(100)
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => Number(id))
    expect(ids).toEqual(ids.toSorted((left, right) => left - right))
    expect([Math.floor(ids[0]!), ids.at(-1)]).toEqual([4, 5])
  })

  test.each(["x", "-1", "1.5", "1.0000", "1e3", "9007199254740992", "99999999999999999", " 1", "1,2"])(
    "%j is none",
    async (text) => {
      const at = new Watching()
      const path = `/watch/speaker/a?after=${encodeURIComponent(text)}`
      expect(await problemOf(await at.ask(path))).toMatchObject({ status: 400, code: "bad-request" })
      const header = await at.ask("/watch/speaker/a", { "last-event-id": `${text}x` })
      expect(await problemOf(header)).toMatchObject({ status: 400, code: "bad-request" })
    },
  )

  test("of what this node has not applied yet waits for it, and gets nothing twice (L9, L10)", async () => {
    const at = new Watching()
    at.say(1)
    const asking = at.watch("/watch/speaker/a", { "last-event-id": "3" })
    await until("it to wait", () => at.waiting.length > 0 || null)
    at.say(1)
    expect(at.waiting.length).toBe(1)
    at.say(1)
    const stream = await asking
    at.say(1)
    expect(numbersOf(await stream.take(1))).toEqual([4])
  })

  test("in the middle of an entry waits for that entry", async () => {
    const at = new Watching()
    at.say(1)
    const asking = at.watch("/watch/speaker/a", { "last-event-id": "1.001" })
    await until("it to wait", () => at.waiting.length > 0 || null)
    at.say(3)
    expect(numbersOf(await (await asking).take(2))).toEqual([3, 4])
  })

  test("that this node does not come to in time is answered by no stream, and by no reset", async () => {
    const at = new Watching()
    const asking = at.ask("/watch/speaker/a?after=9")
    await until("it to wait", () => at.waiting.length > 0 || null)
    at.giveUp()
    expect(await problemOf(await asking)).toMatchObject({ status: 503, code: "stale", retryable: true })
    expect(await at.metric('raftlet_watchers{group="main"}')).toBe(0)
  })
})

describe("before a stream begins it is refused", () => {
  test.each([
    ["/watch/nobody/a", 404, "unknown-actor"],
    ["/watch/speaker/a?group=other", 404, "not-found"],
    ["/watch/speaker/a?state=1", 400, "bad-request"],
    ["/watch/speaker/%00", 400, "bad-request"],
    [`/watch/speaker/${"k".repeat(513)}`, 400, "bad-request"],
    ["/watch/speaker/%ff", 400, "bad-request"],
    ["/watch/speaker/", 400, "bad-request"],
    ["/watch/speaker", 404, "not-found"],
  ])("%s", async (path, status, code) => {
    const at = new Watching()
    expect(await problemOf(await at.ask(path))).toMatchObject({ status, code, outcome: "rejected" })
    expect(at.listeners).toBe(0)
  })

  test("with another method", async () => {
    const at = new Watching()
    const response = await at.fake.ask("/watch/speaker/a", { method: "POST" })
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"])
  })

  test("by a node that is parted from the others (L7)", async () => {
    const at = new Watching()
    at.isReady = false
    expect(await problemOf(await at.ask())).toMatchObject({ status: 503, code: "no-leader" })
  })

  test("to a page of another origin, which could take the place of all who watch", async () => {
    const at = new Watching()
    const response = await at.ask("/watch/speaker/a", { "sec-fetch-site": "cross-site" })
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" })
  })

  test("when too many watch, until one of them goes (H5)", async () => {
    const at = new Watching({ watchersMax: 2 })
    const [first] = [await at.watch(), await at.watch()]
    const third = await at.ask()
    expect(third.headers.get("retry-after")).toBe("1")
    expect(await problemOf(third)).toMatchObject({ status: 503, code: "overloaded" })
    await first.close()
    await (await at.watch()).close()
  })

  test("when the machine does not answer in time", async () => {
    const at = new Watching()
    const { promise, resolve } = Promise.withResolvers<void>()
    at.hold = promise
    const response = await at.ask("/watch/speaker/a", { "raftlet-timeout-ms": "10" })
    expect(await problemOf(response)).toMatchObject({ status: 504, code: "timeout" })
    resolve()
  })
})

test("HEAD tells the headers, and watches nothing", async () => {
  const at = new Watching()
  const response = await at.fake.ask("/watch/speaker/a", { method: "HEAD" })
  expect([response.status, response.headers.get("content-type"), response.body]).toEqual([
    200,
    "text/event-stream",
    null,
  ])
  expect(at.listeners).toBe(0)
})

describe("many who watch", () => {
  test("are one question to the machine, and one at a time", async () => {
    const at = new Watching()
    const streams = await Promise.all(
      Array.from({ length: 50 }, (_, which) => at.watch(`/watch/speaker/k${which % 10}`)),
    )
    const reading = streams.map((stream) => stream.take(1))
    await until("all to wait", () => at.questions.length > 0 || null)
    await Bun.sleep(20)
    const { promise, resolve } = Promise.withResolvers<void>()
    at.hold = promise
    const asked = at.questions.length
    for (let which = 0; which < 10; which++) at.say(1, { key: `k${which}` })
    expect(at.questions.at(-1)!.length).toBeLessThanOrEqual(10)
    // The first word of news is asked for at once; all that comes until it is answered, in the next question.
    await until("a question", () => at.questions.length > asked || null)
    await Bun.sleep(20)
    expect(at.questions.length).toBe(asked + 1)
    at.hold = null
    resolve()
    const events = (await Promise.all(reading)).flat()
    expect(events.map(({ id }) => id)).toEqual(streams.map((_, which) => `${(which % 10) + 1}`))
    expect(at.questions.length).toBeLessThan(asked + 5)
    await Promise.all(streams.map((stream) => stream.close()))
    expect(at.listeners).toBe(0)
  })

  test("of whom all are told a large state get it one after the other, and all of it", async () => {
    const at = new Watching({}, { eventsKeptMax: 0 })
    at.say(1)
    const answers = await Promise.all(Array.from({ length: 20 }, () => at.watch("/watch/speaker/a?after=0")))
    const resets = (await Promise.all(answers.map((stream) => stream.take(1)))).flat()
    expect(resets.map(({ event, id }) => `${event} ${id}`)).toEqual(Array(20).fill("reset 1"))
  })
})

describe("while nothing is said", () => {
  test("a client hears that the node lives, and its cursor does not grow old (L10)", async () => {
    const at = new Watching({ keepAliveMillis: 1000 })
    const stream = await at.watch()
    const reading = stream.until(({ comments, lastEventId }) => comments > 1 && lastEventId === "3")
    const waiting = until("it to hear it", async () => {
      at.now += 500
      if (stream.comments > 0 && at.bench.index === 0) for (const key of ["b", "c", "d"]) at.say(1, { key })
      await Bun.sleep(2)
      return (stream.comments > 1 && stream.lastEventId === "3") || null
    })
    await Promise.all([reading, waiting])
    at.say(1)
    expect(await stream.take(1)).toMatchObject([{ id: "4" }])
  })

  test("a word that the node lives, between a question and its answer, costs no event (L10)", async () => {
    const at = new Watching({ keepAliveMillis: 1000 })
    const response = await at.ask()
    const reader = response.body!.getReader()
    await reader.read()
    const pulled = reader.read()
    await Bun.sleep(5)
    const { promise, resolve } = Promise.withResolvers<void>()
    at.hold = promise
    at.say(1)
    await Bun.sleep(5)
    at.now += 2000
    expect(new TextDecoder().decode((await pulled).value)).toBe(":\n\n")
    // Nobody takes anything while the answer comes.
    at.hold = null
    resolve()
    await Bun.sleep(20)
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toStartWith("id: 1\nevent: said\n")
  })
})

describe("an end", () => {
  test("comes to all when the node stops, at once, and to nobody else (C10)", async () => {
    const at = new Watching()
    const streams = await Promise.all(Array.from({ length: 3 }, () => at.watch()))
    const ends = streams.slice(1).map((stream) => stream.next())
    await until("them to wait", () => at.questions.length > 0 || null)
    at.fake.app.drain()
    expect(await Promise.all(ends)).toEqual([null, null])
    // Also to one that was busy with what it had got.
    expect(await streams[0]!.next()).toBeNull()
    expect(at.listeners).toBe(0)
    expect((await at.ask()).status).toBe(503)
  })

  test("comes when the node is parted from the others for long, and not sooner", async () => {
    const at = new Watching({ unreadyMillisMax: 1000, keepAliveMillis: 100 })
    const stream = await at.watch()
    const ended = stream.next()
    at.isReady = false
    await Bun.sleep(20)
    at.now += 900
    await Bun.sleep(20)
    at.isReady = true
    await Bun.sleep(20)
    at.isReady = false
    await Bun.sleep(20)
    at.now += 900
    await Bun.sleep(20)
    expect(await at.metric('raftlet_watchers{group="main"}')).toBe(1)
    at.now += 200
    expect(await ended).toBeNull()
    expect(await at.metric('raftlet_watch_cut_total{reason="parted"}')).toBe(1)
    expect(at.listeners).toBe(0)
  })

  test("comes to who takes nothing, with nothing more held for it, and it resumes where it was (H7)", async () => {
    const at = new Watching({ stalledMillisMax: 1000 })
    const response = await at.ask()
    const stream = new EventStream(response)
    await stream.until(({ lastEventId }) => lastEventId === "0")
    // What comes is not even asked for before it has taken what it has.
    const asked = at.questions.length
    for (let count = 0; count < 100; count++) at.say(1, { padding: 1000 })
    await Bun.sleep(20)
    expect(at.questions.length).toBe(asked)
    at.now += 2000
    await until(
      "it to be cut off",
      async () => (await at.metric('raftlet_watch_cut_total{reason="stalled"}')) || null,
    )
    expect(at.listeners).toBe(0)
    expect(await stream.next()).toBeNull()
    const again = await at.watch("/watch/speaker/a", { "last-event-id": stream.lastEventId })
    expect(numbersOf(await again.take(100))).toEqual(upTo(100))
  })

  test("comes first to who holds what it has the longest, when all together hold too much (H7)", async () => {
    const at = new Watching({ heldBytesMax: 5000 })
    const slow = await at.watch()
    const quick = await at.watch()
    const first = [slow.take(1), quick.take(1)]
    at.say(1, { padding: 2000 })
    await Promise.all(first)
    for (let count = 2; count < 5; count++) {
      at.now += 10
      const next = quick.take(1)
      at.say(1, { padding: 4000 })
      expect(numbersOf(await next)).toEqual([count])
    }
    expect(await slow.next()).toBeNull()
    expect(await at.metric('raftlet_watch_cut_total{reason="stalled"}')).toBe(1)
    expect(await at.metric('raftlet_watchers{group="main"}')).toBe(1)
  })

  test("by the client leaves nothing behind (H6)", async () => {
    const at = new Watching()
    const streams = await Promise.all(Array.from({ length: 5 }, () => at.watch()))
    expect(at.listeners).toBe(1)
    for (const stream of streams) await stream.close()
    expect(at.listeners).toBe(0)
    expect(await at.metric('raftlet_watchers{group="main"}')).toBe(0)
    const asked = at.questions.length
    at.say(1)
    await Bun.sleep(10)
    expect(at.questions.length).toBe(asked)
  })
})
