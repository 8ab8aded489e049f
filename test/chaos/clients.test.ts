// Do the clients write down what they were told, no more and no less? Against nodes that say what the test wants.

import { afterEach, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Clients } from "../../scripts/chaos/Clients.ts"
import { History, type Observed } from "../../scripts/chaos/History.ts"
import { headerOf, Line, type NoAnswer } from "../../scripts/chaos/Line.ts"
import { Pace } from "../../scripts/chaos/Pace.ts"
import { until } from "../process/support/wait.ts"

const cleanUp: Array<() => void> = []
afterEach(() => {
  for (const clean of cleanUp.splice(0)) clean()
})

const serve = (fetch: (request: Request) => Response | Promise<Response>): string => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch, development: false })
  cleanUp.push(() => server.stop(true))
  return `127.0.0.1:${server.port}`
}

const ok = (result: unknown = 1, revision = 1, index = 5): Response =>
  Response.json({ result, revision, index, term: 1, replayed: false })

const problem = (status: number, code: string, outcome: string, more: object = {}): Response =>
  Response.json({ code, outcome, retryable: status >= 500, ...more }, { status })

/** Clients ask these nodes until there is an operation of the kind that is looked for. */
const firstOf = async (
  nodes: ReadonlyArray<string>,
  isIt: (operation: Observed) => boolean,
  count = 1,
): Promise<{
  readonly found: Observed
  readonly clients: Clients
  readonly lines: ReadonlyArray<Observed>
}> => {
  const directory = mkdtempSync(join(tmpdir(), "raftlet-clients-"))
  cleanUp.push(() => rmSync(directory, { recursive: true }))
  const path = join(directory, "history.jsonl")
  const history = new History(path)
  const clients = new Clients({
    nodes: nodes.map((address, at) => ({ id: `n${at + 1}`, address })),
    ...{ history, count, perSecondMax: 4000, seed: 1 },
  })
  const found = await until("the operation", () => history.operations.find(isIt) ?? null)
  await clients.stop()
  await history.close()
  const lines = readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Observed)
  expect(lines).toEqual(history.operations)
  return { found, clients, lines }
}

const isCommand = ({ consistency }: Observed): boolean => consistency === null
const nobody = "127.0.0.1:1"

describe("an operation", () => {
  test("that is answered has its answer", async () => {
    const { found, clients } = await firstOf([serve(() => ok(7, 3, 99))], isCommand)
    expect(found).toMatchObject({
      outcome: "ok",
      output: { result: 7, revision: 3 },
      index: 99,
      attempts: 1,
      node: "n1",
    })
    expect(found.end).toBeGreaterThanOrEqual(found.start)
    expect(clients.answered).toBeGreaterThan(0)
  })

  test("that is unknown is asked for with the same key at the next node, and is one operation", async () => {
    const keys: Array<string | null> = []
    const take = (answer: () => Response) => (request: Request) => {
      keys.push(request.headers.get("idempotency-key"))
      return answer()
    }
    const lost = serve(take(() => problem(503, "leadership-lost", "unknown")))
    const { found } = await firstOf(
      [lost, serve(take(() => ok()))],
      (one) => isCommand(one) && one.attempts === 2,
    )
    expect(found).toMatchObject({ outcome: "ok", attempts: 2, node: "n2" })
    expect(keys[0]).toBe(keys[1]!)
  })

  test("that was rejected is not asked for again, and did not happen", async () => {
    const { found, lines } = await firstOf(
      [serve(() => problem(503, "no-leader", "rejected"))],
      ({ outcome }) => outcome === "rejected",
    )
    expect(found).toMatchObject({ output: null, attempts: 1 })
    expect(found.end).not.toBeNull()
    expect(lines.every(({ outcome }) => outcome === "rejected")).toBe(true)
  })

  test("that may have happened is never called rejected", async () => {
    let count = 0
    const node = serve(() => {
      count += 1
      if (count === 1) return problem(504, "timeout", "unknown")
      return count < 5 ? problem(503, "no-leader", "rejected") : ok()
    })
    const { found } = await firstOf([node], isCommand)
    expect(found).toMatchObject({ outcome: "ok", attempts: 5 })
  })

  test("goes to another node when one is not there, as if it had not been asked", async () => {
    const { found } = await firstOf([nobody, serve(() => problem(503, "no-leader", "rejected"))], () => true)
    expect(found).toMatchObject({ outcome: "rejected", attempts: 2, node: "n2" })
  })

  test("whose connection breaks may have happened", async () => {
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    })
    cleanUp.push(() => listener.stop(true))
    const answer = serve(() => ok())
    const { found, clients } = await firstOf([`127.0.0.1:${listener.port}`, answer], isCommand)
    expect(found).toMatchObject({ outcome: "ok", attempts: 2 })
    expect(clients.setbacks).not.toHaveProperty("no answer: timeout")
  })

  test("that reads is never tried again, and a client that reads alone stays with its node", async () => {
    const nodes = [serve(() => problem(504, "timeout", "unknown")), serve(() => ok())]
    const isRead = (one: Observed): boolean => !isCommand(one)
    const isFifthOf = (client: string) => {
      let count = 0
      return (one: Observed): boolean => one.client === client && ++count >= 5
    }
    const { found, lines } = await firstOf(nodes, isFifthOf("r4"), 8)
    expect(found).toMatchObject({ outcome: "unknown", attempts: 1, end: null, output: null, node: "n1" })
    expect(lines.filter(isRead).every(({ attempts }) => attempts === 1)).toBe(true)
    const r4 = lines.filter(({ client }) => client === "r4")
    expect(r4.every((one) => isRead(one) && one.node === "n1")).toBe(true)
    const r8 = lines.filter(({ client }) => client === "r8")
    expect(r8.every((one) => isRead(one) && one.node === "n2")).toBe(true)
    // And of what reached nobody there is nothing to tell.
    const alone = await firstOf([nobody, nodes[1]!], isFifthOf("c1"), 4)
    expect(alone.lines.filter(({ client }) => client === "r4")).toEqual([])
  })

  test("that the state refused is refused, in the reducer's words where it was the reducer", async () => {
    const mismatch = serve(() => problem(412, "revision-mismatch", "rejected"))
    expect((await firstOf([mismatch], isCommand)).found).toMatchObject({
      outcome: "refused",
      output: "revision-mismatch",
    })
    const tooBig = serve(() => problem(422, "rejected", "rejected", { reason: { code: "too-big" } }))
    const { found, clients } = await firstOf([tooBig], isCommand)
    expect(found).toMatchObject({ outcome: "refused", output: "too-big" })
    expect(clients.unexpected).toEqual([])
  })

  test("whose answer is against the contract is told", async () => {
    const broken = serve(() => problem(500, "internal", "unknown"))
    const { clients } = await firstOf([broken, serve(() => ok())], ({ attempts }) => attempts === 2)
    expect(clients.unexpected[0]).toContain('500 {"code":"internal"')
    const bad = await firstOf([serve(() => problem(400, "bad-request", "rejected"))], () => true)
    expect(bad.clients.unexpected[0]).toContain("400")
    const garbled = serve(() => new Response("<html>"))
    const none = await firstOf([garbled, serve(() => ok())], ({ attempts }) => attempts === 2)
    expect(none.clients.unexpected[0]).toContain('200 "<html>"')
  })
})

test("the leader is whom the newest term names", async () => {
  const headers = (term: number, leader: string) => ({ "Raftlet-Term": `${term}`, "Raftlet-Leader": leader })
  const answers = [headers(2, "n2;http://x"), headers(2, ""), headers(1, "n1;http://x")]
  let count = 0
  const node = serve(
    () => new Response('{"result":1,"revision":1,"index":1}', { headers: answers[Math.min(count++, 2)]! }),
  )
  const { clients } = await firstOf([node], ({ client }) => client === "c1" && count >= 3)
  expect(clients.leader).toBe("n2")
})

describe("a line", () => {
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

  test("is kept, takes answers in any pieces, and counts bytes and not characters", async () => {
    let connections = 0
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: () => void connections++,
        data: async (socket) => {
          const text = 'HTTP/1.1 200 OK\r\nX-Y: z\r\nContent-Length: 6\r\n\r\n"ä€"'
          for (const byte of Buffer.from(text.replace("6", "7"))) {
            socket.write(new Uint8Array([byte]))
            socket.flush()
            await Bun.sleep(0)
          }
        },
      },
    })
    cleanUp.push(() => listener.stop(true))
    const line = new Line()
    for (let round = 0; round < 3; round++) {
      const answer = await line.ask(`127.0.0.1:${listener.port}`, request, 10_000)
      expect([answer.status, answer.body, headerOf(answer.head, "x-y"), headerOf(answer.head, "x")]).toEqual([
        200,
        '"ä€"',
        "z",
        null,
      ])
    }
    expect(connections).toBe(1)
    line.close()
  })

  test("says whether a request without an answer had left", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } })
    cleanUp.push(() => silent.stop(true))
    const line = new Line()
    const ask = (address: string) =>
      line.ask(address, request, 50).catch((error: unknown) => error as NoAnswer)
    const [refused, unanswered] = [await ask(nobody), await ask(`127.0.0.1:${silent.port}`)] as [
      NoAnswer,
      NoAnswer,
    ]
    expect([refused.name, refused.sent]).toEqual(["NoAnswer", false])
    expect([unanswered.message, unanswered.sent]).toEqual(["timeout", true])
    // And can be used again.
    expect(
      (
        (await line.ask(
          serve(() => new Response("x")),
          request,
          10_000,
        )) as { body: string }
      ).body,
    ).toBe("x")
    line.close()
  })
})

test("a pace lets through what fits a burst, then makes wait, and makes up for nothing", async () => {
  const pace = new Pace(10)
  expect([pace.take(), pace.take()]).toEqual([null, null])
  const waits = [pace.take(), pace.take(), pace.take()]
  let through = 0
  for (const wait of waits) wait!.then(() => through++)
  pace.refill()
  await Bun.sleep(0)
  expect(through).toBe(2)
  pace.refill()
  pace.refill()
  expect([pace.take(), pace.take()]).toEqual([null, null])
  expect(pace.take()).not.toBeNull()
  pace.stop()
  await Promise.all(waits)
  expect(through).toBe(3)
  expect([pace.take(), pace.take(), pace.take()]).toEqual([null, null, null])
})
