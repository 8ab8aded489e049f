// Does a new node find out who is there, and ask until it is taken in or told that it never will be?

import { describe, expect, test } from "bun:test"
import { Clock, Duration, Effect, Exit, Logger } from "effect"
import { becomeMember, introduce, type Newcomer } from "../../src/cli/join.ts"

interface Heard {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly timeout: string | null
}

/** A member that gives these answers, one after the other, and then the last for ever. */
const answering = async (
  answers: ReadonlyArray<() => Response>,
  use: (url: string, heard: Array<Heard>) => Promise<void>,
) => {
  const heard: Array<Heard> = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const text = await request.text()
      heard.push({
        method: request.method,
        path: new URL(request.url).pathname,
        body: text === "" ? null : JSON.parse(text),
        timeout: request.headers.get("raftlet-timeout-ms"),
      })
      return answers[Math.min(heard.length, answers.length) - 1]!()
    },
  })
  try {
    await use(`http://127.0.0.1:${server.port}`, heard)
  } finally {
    await server.stop(true)
  }
}

const nobody = "http://127.0.0.1:1"

const cluster = () =>
  Response.json({
    clusterId: "c-7",
    leader: "n1",
    members: [
      { id: "n1", role: "voter", peer: "h1:5", client: "http://h1:4", lag: 0 },
      { id: "n2", role: "learner", peer: "h2:5", client: "", lag: null },
    ],
  })

describe("an introduction", () => {
  test("is the word of the first who answers as a member does", () =>
    answering([cluster], (url, heard) =>
      answering([() => new Response("hello")], async (other) => {
        const { clusterId, members } = await Effect.runPromise(introduce([nobody, other, url]))
        expect(clusterId).toBe("c-7")
        expect(members).toEqual({
          n1: { peer: "h1:5", client: "http://h1:4" },
          n2: { peer: "h2:5", client: "" },
        })
        expect(heard).toMatchObject([{ method: "GET", path: "/admin/cluster" }])
      }),
    ))

  test("that nobody gives is one line that names who was asked", async () => {
    const strange: ReadonlyArray<() => Response> = [
      () => new Response("<html>"),
      () => Response.json({ code: "no-leader" }, { status: 503 }),
      () => Response.json({ clusterId: 7, members: [] }),
      () => Response.json({ clusterId: "c", members: [{ id: "n1" }] }),
    ]
    await answering(strange, async (url) => {
      for (const _ of strange) {
        const failure = await Effect.runPromise(Effect.flip(introduce([url])))
        expect(failure.message).toBe(`--join: ${url} does not answer as a node of a cluster does`)
      }
    })
    expect((await Effect.runPromise(Effect.flip(introduce([nobody])))).message).toContain(nobody)
  })
})

describe("a newcomer", () => {
  const newcomer: Newcomer = {
    id: "n4",
    clusterId: "c-7",
    peer: "h:5",
    client: "http://h:4",
    incarnation: "i-1",
    role: "learner",
  }

  /** Every pause is over at the next turn of the event loop. */
  const asks = async (urls: ReadonlyArray<string>, isMember: () => boolean, anyway = false) => {
    const pauses: Array<number> = []
    const lines: Array<string> = []
    const exit = await Effect.runPromiseExit(
      Effect.gen(function* () {
        const live = yield* Clock.Clock
        const hasty: Clock.Clock = Object.assign(Object.create(live) as Clock.Clock, {
          sleep: (duration: Duration.Duration) => {
            pauses.push(Duration.toMillis(duration))
            return Effect.yieldNow
          },
        })
        yield* becomeMember({ urls, newcomer, isMember, anyway }).pipe(
          Effect.provideService(Clock.Clock, hasty),
        )
      }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => lines.push(String(message)))]))),
    )
    return { exit, pauses, lines }
  }

  const problem = (code: string, retryable: boolean) => () =>
    Response.json({ code, detail: "so it is", retryable }, { status: retryable ? 503 : 400 })
  const taken = () => Response.json({ done: false })

  test("whose name or place somebody alive keeps having gives up, and lies in wait for nobody (M10)", async () => {
    for (const code of ["id-in-use", "address-in-use"]) {
      await answering([problem(code, true)], async (url, heard) => {
        const { exit } = await asks([url], () => false)
        expect([heard.length, String(exit)]).toEqual([10, expect.stringContaining(`${code}: so it is`)])
      })
    }
    const nobodyLeads = problem("no-leader", true)
    const inUse = problem("id-in-use", true)
    const answers = [...Array(9).fill(inUse), nobodyLeads, ...Array(9).fill(inUse), taken]
    await answering(answers, async (url, heard) => {
      const { exit } = await asks([url], () => heard.length === answers.length)
      expect(Exit.isSuccess(exit)).toBe(true)
    })
  })

  test("that is a member asks nobody", () =>
    answering([taken], async (url, heard) => {
      const { exit, lines } = await asks([url], () => true)
      expect([Exit.isSuccess(exit), heard, lines]).toEqual([true, [], []])
    }))

  test("asks all the same when what it knows may be out of date, until it has been taken in", () =>
    answering([problem("no-leader", true), taken], async (url, heard) => {
      const { exit } = await asks([url], () => true, true)
      expect([Exit.isSuccess(exit), heard.length]).toEqual([true, 2])
      await asks([url], () => heard.length === 4, true)
      expect(heard.length).toBe(4)
    }))

  test("asks with all that it is, until it is one by its own configuration, not by anybody's word", () =>
    answering([taken], async (url, heard) => {
      const { exit, pauses, lines } = await asks([url], () => heard.length === 3)
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(heard).toEqual(
        Array(3).fill({ method: "POST", path: "/admin/members", body: newcomer, timeout: "4500" }),
      )
      expect(pauses).toEqual([500, 500, 500])
      // The same word is said once.
      expect(lines).toEqual([`joining: ${url} takes it in; it catches up`, "n4 is a member"])
    }))

  test("asks the next one, and again, while the answers are such as may change", () =>
    answering(
      [
        problem("no-leader", true),
        () => new Response("<html>", { status: 502 }),
        problem("timeout", true),
        taken,
      ],
      async (url, heard) => {
        const { exit, lines } = await asks([nobody, url], () => heard.length === 4)
        expect(Exit.isSuccess(exit)).toBe(true)
        expect(lines).toEqual([
          `joining: ${nobody} does not answer`,
          "joining: no-leader: so it is",
          `joining: ${nobody} does not answer`,
          `joining: ${url} does not answer`,
          `joining: ${nobody} does not answer`,
          "joining: timeout: so it is",
          `joining: ${nobody} does not answer`,
          `joining: ${url} takes it in; it catches up`,
          "n4 is a member",
        ])
      },
    ))

  test("that is told that it never will be gives up at once, and says why", () =>
    answering([problem("change-in-progress", true), problem("bad-request", false)], async (url, heard) => {
      // It would be taken in later, and does not ask again.
      const { exit } = await asks([url], () => heard.length > 3)
      expect(heard.length).toBe(2)
      expect(JSON.stringify(exit)).toContain("the cluster does not take n4 in: bad-request: so it is")
    }))
})
