// Do the examples of docs/CLIENT.md work? Against the app of a node, without a socket.

import { afterEach, beforeEach, expect, spyOn, test } from "bun:test"
import { visitAll } from "../examples/batch.ts"
import { visit, visitOnce, visits } from "../examples/counting.ts"
import { follow } from "../examples/following.ts"
import { app } from "../examples/handler.ts"
import { type Fake, makeFake } from "../http/fakeRaft.ts"

let node: Fake
/** The client asks for the global one each time. */
const hostFetch = globalThis.fetch
beforeEach(() => {
  node = makeFake()
  globalThis.fetch = (async (request: Request) => node.app.fetch(request)) as typeof fetch
})
afterEach(() => {
  globalThis.fetch = hostFetch
  expect(node.defects).toEqual([])
})

test("visits are counted, and read back", async () => {
  expect([await visit("home"), await visit("home"), await visits("home")]).toEqual([1, 2, 2])
})

test("one that is sent again with its key is counted once", async () => {
  expect(await visitOnce("home", "request-1")).toBe("counted")
  expect(await visitOnce("home", "request-1")).toBe("counted")
  expect(await visits("home")).toBe(1)
})

test("many are counted at once", async () => {
  expect(await visitAll(["home", "home", "news"])).toEqual([])
  expect(await visits("home")).toBe(2)
})

test("a handler lets a failure pass, and its client gets the problem document", async () => {
  const ask = async (page: string) => {
    const response = await app.request(`/visits/${page}`, { method: "POST" })
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: await response.json(),
    }
  }
  expect(await ask("home")).toMatchObject({ status: 200, body: { visits: 1 } })
  node.instead.current = {
    _tag: "Failure",
    code: "too-large" as never,
    outcome: "rejected",
    detail: "no room",
  } as never
  expect(await ask("home")).toMatchObject({
    status: 413,
    type: "application/problem+json",
    body: { code: "too-large", outcome: "rejected", detail: "no room" },
  })
})

test("a watcher begins with the state, and ends with its signal", async () => {
  await visit("home")
  const asked = Promise.withResolvers<string>()
  const said = [
    'id: 9\nevent: added\ndata: {"by":1,"value":2}\n\n',
    'id: 12\nevent: reset\ndata: {"state":{"value":7},"revision":7,"index":12}\n\n',
  ]
  globalThis.fetch = (async (request: Request) => {
    if (!request.url.includes("/watch/")) return node.app.fetch(request)
    asked.resolve(`${new URL(request.url).pathname} ${request.headers.get("last-event-id")}`)
    return new Response(new Blob(said).stream())
  }) as typeof fetch
  const log = spyOn(console, "log").mockImplementation(() => {})
  try {
    const controller = new AbortController()
    const followed = follow("home", controller.signal)
    expect(await asked.promise).toBe("/watch/counter/home 8")
    while (log.mock.calls.length < 3) await new Promise(setImmediate)
    controller.abort(new Error("enough"))
    await expect(followed).rejects.toThrow("enough")
    expect(log.mock.calls).toEqual([["1 so far"], ["added", { by: 1, value: 2 }], ["7 by now"]])
  } finally {
    log.mockRestore()
  }
})
