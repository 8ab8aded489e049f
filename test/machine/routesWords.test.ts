// Do two threads ask each other as a client asks a server? Over a channel that copies what goes through it, as threads do.

import { describe, expect, test } from "bun:test"
import { Effect, Exit, Fiber } from "effect"
import { Answerer } from "../../src/machine/routes/Answerer.ts"
import { Caller } from "../../src/machine/routes/Caller.ts"
import { chunkBytesMax, wholeBytesMax } from "../../src/machine/routes/limits.ts"
import { responseOf } from "../../src/machine/routes/response.ts"
import { type Asked, readFromThread, type Word } from "../../src/machine/routes/words.ts"

const asked = (instead: Partial<Asked> = {}): Asked => ({
  method: "GET",
  url: "http://n1/user?q=1",
  headers: [["accept", "*/*"]],
  body: null,
  ...instead,
})

/** What was said is read as the node reads it. */
const channel = (serve: (request: Request) => Response | Promise<Response>) => {
  const words: Array<Word> = []
  const failures: Array<unknown> = []
  const cross = (word: Word, hear: (word: never) => void): void => {
    words.push(word)
    const copy = structuredClone(word)
    expect(readFromThread(copy)._tag).toBe("Some")
    queueMicrotask(() => hear(copy as never))
  }
  const caller: Caller = new Caller((word) => cross(word, (copy) => answerer.hear(copy)))
  const answerer = new Answerer({
    say: (word) => cross(word, (copy) => caller.hear(copy)),
    serve: (request) => Effect.promise(async () => serve(request)),
    failed: (cause) => failures.push(cause),
  })
  const call = async (instead: Partial<Asked> = {}) =>
    responseOf(await Effect.runPromise(caller.call(asked(instead))))
  return { caller, answerer, words, failures, call }
}

const parts = (words: ReadonlyArray<Word>) =>
  words.flatMap((word) => (word.type === "answers" ? [word.part.part] : []))

const streamOf = (chunks: ReadonlyArray<Uint8Array | string>, pause = 0) => {
  let at = 0
  return new ReadableStream({
    pull: async (controller) => {
      if (pause > 0) await Bun.sleep(pause)
      if (at === chunks.length) controller.close()
      else controller.enqueue(chunks[at++])
    },
  })
}

describe("an answer", () => {
  test("that is there at once crosses as one message, with all its headers", async () => {
    const { call, words } = channel(async (request) => {
      const headers = new Headers([
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        [
          "x-seen",
          `${request.method} ${request.url} ${request.headers.get("accept")} ${await request.text()}`,
        ],
      ])
      return new Response("hello", { status: 201, headers })
    })
    const response = await call({ method: "POST", body: new TextEncoder().encode("body") })
    expect(response.status).toBe(201)
    expect(await response.text()).toBe("hello")
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"])
    expect(response.headers.get("x-seen")).toBe("POST http://n1/user?q=1 */* body")
    expect(parts(words)).toEqual(["whole"])
  })

  test("with a status that HTTP does not have is a failure of that request alone", async () => {
    let cancelled = 0
    const odd = (status: number): Response => {
      const stream = new ReadableStream({ cancel: () => void cancelled++ })
      return Object.defineProperty(new Response(stream), "status", { value: status })
    }
    for (const make of [() => Response.error(), () => odd(999), () => odd(101), () => odd(0)]) {
      const { call, failures } = channel(make)
      expect(await call().catch((failure: unknown) => failure)).toMatchObject({ reason: "failed" })
      expect(failures).toHaveLength(1)
    }
    expect(cancelled).toBe(3)
  })

  test("with more headers than a node could deal with in time is a failure of that request alone", async () => {
    const many = (count: number, length = 1) =>
      new Headers(Array.from({ length: count }, (_, at): [string, string] => [`x-${at}`, "v".repeat(length)]))
    for (const headers of [many(257), many(1, 70_000)]) {
      const { call, failures } = channel(() => new Response("x", { headers }))
      expect(await call().catch((failure: unknown) => failure)).toMatchObject({ reason: "failed" })
      expect(failures).toHaveLength(1)
    }
    expect(
      (await channel(() => new Response(null, { headers: many(256) })).call()).headers.get("x-255"),
    ).toBe("v")
  })

  test("of nothing but empty chunks leaves time to others, and ends when nobody waits", async () => {
    let pulled = 0
    const { call, answerer } = channel(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              // Without end it would be the end of this test.
              if (++pulled > 200_000) controller.close()
              else controller.enqueue(new Uint8Array())
            },
          }),
        ),
    )
    const response = await call()
    await Bun.sleep(20)
    expect(pulled).toBeLessThan(100_000)
    await response.body!.cancel()
    await Bun.sleep(20)
    expect(answerer.underWay).toBe(0)
  })

  test("without a body, or with an empty one, is whole as well", async () => {
    const bodies = [null, "", new Uint8Array()]
    for (const body of bodies) {
      const { call, words, caller, answerer } = channel(() => new Response(body))
      expect(await (await call()).text()).toBe("")
      expect(parts(words)).toEqual(["whole"])
      expect([caller.underWay, answerer.underWay]).toEqual([0, 0])
    }
  })

  test("that is long crosses in chunks, and not faster than it is read", async () => {
    const long = new Uint8Array(wholeBytesMax + 1).map((_, at) => at % 251)
    const { call, words, caller, answerer } = channel(() => new Response(long))
    const response = await call()
    await Bun.sleep(5)
    // A stream may want one ahead of its reader.
    expect(parts(words).filter((part) => part === "chunk").length).toBeLessThanOrEqual(1)
    expect(caller.underWay).toBe(1)
    expect(await response.bytes()).toEqual(long)
    expect(parts(words).filter((part) => part === "chunk").length).toBeGreaterThanOrEqual(
      Math.ceil(long.length / chunkBytesMax),
    )
    for (const word of words) {
      if (word.type === "answers" && word.part.part === "chunk") {
        expect(word.part.bytes.length).toBeLessThanOrEqual(chunkBytesMax)
      }
    }
    await Bun.sleep(1)
    expect([caller.underWay, answerer.underWay]).toEqual([0, 0])
  })

  test("whose end is not there yet is a stream that is seen as it comes", async () => {
    const { call, words } = channel(() => new Response(streamOf(["one", "two", "three"], 2)))
    const reader = (await call()).body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("one")
    expect(parts(words)).not.toContain("end")
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("two")
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("three")
    expect((await reader.read()).done).toBe(true)
  })

  test("to HEAD has no body, and what would have made one is told so", async () => {
    let cancelled = 0
    const { call, answerer } = channel(
      () =>
        new Response(
          new ReadableStream({ pull: () => new Promise(() => {}), cancel: () => void cancelled++ }),
        ),
    )
    expect((await call({ method: "HEAD" })).body).toBeNull()
    await Bun.sleep(1)
    expect([cancelled, answerer.underWay]).toEqual([1, 0])
  })

  test("that fails before its head is none; one that fails later breaks off", async () => {
    const thrown = channel(() => Promise.reject(new Error("ouch")))
    const exit = await Effect.runPromiseExit(thrown.caller.call(asked()))
    expect(exit).toEqual(Exit.fail({ _tag: "Unanswered", reason: "failed", detail: "ouch" }))
    expect(thrown.failures).toEqual([new Error("ouch")])

    const broken = channel(() => {
      let at = 0
      return new Response(
        new ReadableStream({
          pull: async (controller) => {
            await Bun.sleep(1)
            if (at++ === 0) controller.enqueue("one")
            else controller.error(new Error("broken"))
          },
        }),
      )
    })
    const response = await broken.call()
    expect(response.status).toBe(200)
    expect(await response.text().catch(String)).toContain("broken")
    expect([broken.caller.underWay, broken.answerer.underWay]).toEqual([0, 0])
  })
})

describe("whoever does not wait any more", () => {
  test("is noticed by the handler, before the head", async () => {
    let aborted = 0
    const { caller, answerer } = channel(async (request) => {
      request.signal.addEventListener("abort", () => void aborted++)
      await Bun.sleep(10_000)
      return new Response("late")
    })
    const fiber = Effect.runFork(caller.call(asked()))
    await Bun.sleep(2)
    expect([caller.underWay, answerer.underWay]).toEqual([1, 1])
    await Effect.runPromise(Fiber.interrupt(fiber))
    await Bun.sleep(2)
    expect([aborted, caller.underWay, answerer.underWay]).toEqual([1, 0, 0])
  })

  test("is noticed by what makes the body", async () => {
    let cancelled = 0
    const { call, caller, answerer } = channel(
      () =>
        new Response(
          new ReadableStream({
            pull: async (controller) => {
              await Bun.sleep(1)
              controller.enqueue("more")
            },
            cancel: () => void cancelled++,
          }),
        ),
    )
    const reader = (await call()).body!.getReader()
    await reader.read()
    await reader.cancel()
    await Bun.sleep(10)
    expect([cancelled, caller.underWay, answerer.underWay]).toEqual([1, 0, 0])
  })
})

describe("what users' code may say itself", () => {
  const said = async (...words: ReadonlyArray<Omit<Extract<Word, { type: "answers" }>, "type" | "id">>) => {
    const caller = new Caller(() => {})
    const answer = Effect.runPromiseExit(caller.call(asked()))
    await Bun.sleep(0)
    for (const word of words) caller.hear({ type: "answers", id: 1, ...word })
    return { exit: await answer, caller }
  }

  test("chunks that nobody wants break the answer off, and do not pile up", async () => {
    const bytes = new Uint8Array(3)
    const { exit, caller } = await said(
      { part: { part: "head", status: 200, headers: [] } },
      { part: { part: "chunk", bytes } },
      { part: { part: "chunk", bytes } },
    )
    expect(caller.underWay).toBe(0)
    const answer = Exit.isSuccess(exit) ? exit.value : null
    expect(await responseOf(answer!).text().catch(String)).toContain("faster than it is read")
  })

  test("an end without a head is no answer, and a second head changes nothing", async () => {
    expect((await said({ part: { part: "end" } })).exit).toMatchObject(
      Exit.fail({ reason: "failed", detail: "its answer has no head" }),
    )
    const { exit } = await said(
      { part: { part: "head", status: 200, headers: [] } },
      { part: { part: "head", status: 404, headers: [] } },
      { part: { part: "end" } },
    )
    expect(Exit.isSuccess(exit) && exit.value.status).toBe(200)
  })

  test("words of another shape, another status, and answers that nobody has asked for are none", () => {
    for (const nonsense of [
      null,
      "x",
      {},
      { type: "answers", id: 1 },
      { type: "answers", id: 1, part: { part: "whole", status: 99, headers: [], body: null } },
      { type: "answers", id: 1, part: { part: "whole", status: 200, headers: [["a"]], body: null } },
      { type: "answers", id: "1", part: { part: "end" } },
      { type: "asks", id: 1, asked: { method: "GET" } },
    ]) {
      expect(readFromThread(nonsense)._tag).toBe("None")
    }
    new Caller(() => {}).hear({ type: "answers", id: 7, part: { part: "end" } })
  })
})

test("whoever has lost the other side has no answer, and the rest of none", async () => {
  const { caller, call } = channel((request) =>
    request.url.endsWith("stream") ? new Response(streamOf(["one", "two"], 3)) : new Promise(() => {}),
  )
  const stream = await call({ url: "http://n1/stream" })
  const waiting = Effect.runPromiseExit(caller.call(asked()))
  await Bun.sleep(1)
  caller.lose("it has ended")
  expect(await waiting).toEqual(Exit.fail({ _tag: "Unanswered", reason: "lost", detail: "it has ended" }))
  expect(await stream.text().catch(String)).toContain("it has ended")
  expect(caller.underWay).toBe(0)
})
