// Does a stream live on a real socket for as long as its client, and no longer? (H6, H7, C10)

import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { connect } from "node:net"
import { until } from "../process/support/wait.ts"
import { EventStream } from "../support/EventStream.ts"
import { Watching } from "./watching.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const cleanups: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Ends connections on which nothing moves after about a second: Bun counts in steps of four. */
const serve = (...given: ConstructorParameters<typeof Watching>) => {
  const at = new Watching(...given)
  at.setIdleSeconds = (request, seconds) => server.timeout(request, Math.min(seconds, 1))
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 1,
    fetch: (request) => at.fake.app.fetch(request),
  })
  cleanups.push(() => server.stop(true))
  const stopped = () => {
    at.fake.app.drain()
    return server.stop(false)
  }
  return { at, port: server.port!, url: `http://127.0.0.1:${server.port}/watch/speaker/a`, stopped }
}

/** A client that asks, reads the head of the answer, and then takes nothing more. */
const stalled = async (port: number, path = "/watch/speaker/a") => {
  const socket = connect(port, "127.0.0.1")
  socket.on("error", () => {})
  cleanups.push(async () => socket.destroy())
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once("data", () => {
    socket.pause()
    resolve()
  })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`)
  await promise
  return socket
}

test("a stream on which nobody says anything outlives the server's patience with idle connections", async () => {
  const { at, url } = serve({ keepAliveMillis: 1000 })
  const stream = new EventStream(await fetch(url))
  const [hearing, beating] = [
    stream.until(({ comments }) => comments > 8),
    setInterval(() => (at.now += 1000), 1000),
  ]
  await hearing.finally(() => clearInterval(beating))
  at.say(1)
  expect((await stream.take(1))[0]).toMatchObject({ id: "1" })
  await stream.close()
  await until("it to be let go", () => at.listeners === 0 || null)
})

test("a client that takes nothing is held no more than the sockets take, and is cut off (H7)", async () => {
  const { at, port } = serve({ stalledMillisMax: 1000 }, { eventsKeptMax: 1000 })
  const socket = await stalled(port)
  // Until what was asked for last is not taken any more.
  await until("it to stall", async () => {
    const asked = at.questions.length
    for (let count = 0; count < 20; count++) at.say(1, { padding: 200_000 })
    await Bun.sleep(100)
    return at.questions.length === asked || null
  })
  at.now += 1000
  await until(
    "it to be cut off",
    async () => (await at.metric('raftlet_watch_cut_total{reason="stalled"}')) || null,
  )
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  socket.on("close", () => resolve())
  socket.resume()
  await closed
  expect(at.listeners).toBe(0)
})

test("the end of the server is not held up by those who watch, and their connections end with a whole answer (C10)", async () => {
  const { at, url, stopped } = serve()
  const streams = await Promise.all(Array.from({ length: 20 }, async () => new EventStream(await fetch(url))))
  at.say(1)
  for (const stream of streams) await stream.take(1)
  const ends = streams.map((stream) => stream.next())
  await stopped()
  expect(await Promise.all(ends)).toEqual(streams.map(() => null))
})

test("a client that goes away while it waits for its first word leaves nothing behind (H6)", async () => {
  const { at, url } = serve()
  const controller = new AbortController()
  const asking = fetch(`${url}?after=5`, { signal: controller.signal })
  await until("it to wait", () => at.waiting.length > 0 || null)
  controller.abort()
  await expect(asking).rejects.toThrow()
  await Bun.sleep(50)
  for (let count = 0; count < 5; count++) at.say(1)
  await until("it to be let go", () => at.listeners === 0 || null)
  expect(await at.metric('raftlet_watchers{group="main"}')).toBe(0)
})
