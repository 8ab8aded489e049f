// Does a mailbox stay within its bounds, and take again when its owner has come?

import { describe, expect, test } from "bun:test"
import { Effect, Queue } from "effect"
import fc from "fast-check"
import { Mailboxes } from "../../src/transport/Mailboxes.ts"
import type { Inbound } from "../../src/transport/Transport.ts"
import { boxOf } from "./boxOf.ts"
import { group, vote } from "./support.ts"

const n2 = { nodeId: "n2", incarnation: "i-2" }

const open = (mailboxMessagesMax: number, mailboxBytesMax: number) => {
  const queue = Effect.runSync(Queue.unbounded<Inbound>())
  const mailboxes = new Mailboxes({ mailboxMessagesMax, mailboxBytesMax })
  mailboxes.attach(group, boxOf(queue))
  const deliver = (bytes: number): boolean => mailboxes.deliver(n2, group, vote(bytes), bytes)
  return { queue, mailboxes, deliver }
}

describe("a mailbox", () => {
  test("drops and counts what exceeds its number of messages", () => {
    const { queue, mailboxes, deliver } = open(3, 1_000)
    expect([1, 1, 1, 1].map(deliver)).toEqual([true, true, true, false])
    expect(mailboxes.overflowed).toBe(1)
    Effect.runSync(Queue.takeAll(queue))
    expect(deliver(1)).toBe(true)
  })

  test("drops and counts what exceeds its bytes", () => {
    const { queue, mailboxes, deliver } = open(100, 100)
    expect([60, 30, 20].map(deliver)).toEqual([true, true, false])
    expect(mailboxes.overflowed).toBe(1)
    Effect.runSync(Queue.take(queue))
    expect(deliver(60)).toBe(true)
  })

  test("takes a single message of any size while it is empty", () => {
    const { deliver } = open(100, 100)
    expect([1_000, 1].map(deliver)).toEqual([true, false])
  })

  test.each([
    [7, 100],
    [100, 3_000],
  ])(
    "never holds more than its bounds, %d and %d bytes, and refuses nothing that fits",
    (messages, bytesMax) => {
      const offer = { weight: 3, arbitrary: fc.integer({ min: 1, max: 60 }) }
      const acts = fc.array(fc.oneof(offer, { weight: 1, arbitrary: fc.constant("take" as const) }), {
        minLength: messages,
        maxLength: 30 * messages,
        size: "max",
      })
      fc.assert(
        fc.property(acts, (steps) => {
          const { queue, deliver } = open(messages, bytesMax)
          const waiting: Array<number> = []
          for (const step of steps) {
            if (step === "take") {
              if (waiting.length > 0) Effect.runSync(Queue.take(queue))
              waiting.shift()
              continue
            }
            const bytes = waiting.reduce((sum, each) => sum + each, 0)
            const fits = waiting.length < messages && (waiting.length === 0 || bytes + step <= bytesMax)
            expect(deliver(step)).toBe(fits)
            if (fits) waiting.push(step)
          }
        }),
        { numRuns: 100 },
      )
    },
  )

  test("takes no more than its bytes when others put more into the same queue than ever came to it", () => {
    const { queue, deliver } = open(1_000, 100)
    for (let at = 0; at < 22; at++) {
      deliver(9)
      Effect.runSync(Queue.take(queue))
    }
    for (let at = 0; at < 10; at++) expect(deliver(9)).toBe(true)
    Queue.offerAllUnsafe(queue, new Array<Inbound>(500).fill({ from: "n3", payload: vote(1) }))
    expect(deliver(50)).toBe(false)
  })

  test("a group that this node does not run is counted and nothing else", () => {
    const { mailboxes } = open(1, 1)
    expect(mailboxes.deliver(n2, "another", vote(1), 10)).toBe(false)
    expect(mailboxes).toMatchObject({ unknownGroup: 1, overflowed: 0 })
  })

  test("a mailbox that is shut down takes nothing and breaks nothing", () => {
    const { queue, mailboxes, deliver } = open(10, 100)
    Effect.runSync(Queue.shutdown(queue))
    expect(deliver(1)).toBe(false)
    expect(mailboxes.overflowed).toBe(1)
  })
})
