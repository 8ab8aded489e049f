// Priorities: who leads rather than others, and never at the price of having no leader?

import { describe, expect, test } from "bun:test"
import type { Node } from "../../src/consensus/node.ts"
import {
  appendReply,
  configuration,
  elected,
  given,
  hears,
  heartbeat,
  limits,
  NOW,
  timesOut,
  when,
} from "../consensus/support.ts"

const withPriorities = (priorities: Readonly<Record<string, number>>) => {
  const plain = configuration({})
  const address = (id: string) => ({
    peer: `${id}:1`,
    client: "",
    ...(priorities[id] === undefined ? {} : { priority: priorities[id] }),
  })
  return { ...plain, addresses: Object.fromEntries(plain.voters.map((id) => [id, address(id)])) }
}

/** How many election timeouts pass before it stands; 10 = it does not. */
const timeoutsOf = (node: Node): number => {
  for (let count = 0; count < 10; count++) {
    timesOut(node, NOW + (count + 2) * limits.electionTimeoutMaxMillis)
    if (node.role.kind === "candidate") return count
  }
  return 10
}

describe("a voter", () => {
  test("without priorities stands at once", () => {
    expect(timeoutsOf(given({ configuration: configuration({}) }))).toBe(0)
  })

  test("leaves one timeout to each voter with a higher priority, and stands all the same", () => {
    expect(timeoutsOf(given({ configuration: withPriorities({ b: 5 }) }))).toBe(1)
    expect(timeoutsOf(given({ configuration: withPriorities({ b: 5, c: 2 }) }))).toBe(2)
    expect(timeoutsOf(given({ configuration: withPriorities({ a: 5, b: 5, c: 2 }) }))).toBe(0)
  })

  test("is as patient again when it has heard a leader", () => {
    const node = given({ configuration: withPriorities({ b: 5 }) })
    timesOut(node)
    hears(node, "b", heartbeat({ term: 1 }))
    expect(timeoutsOf(node)).toBe(1)
  })

  test("with the priority 0 never stands, not even when a leader asks it to", () => {
    const node = given({ configuration: withPriorities({ a: 0 }) })
    expect(timeoutsOf(node)).toBe(10)
    hears(node, "b", heartbeat({ term: 1 }))
    hears(node, "b", { type: "TimeoutNow", term: 1 })
    expect(node.role.kind).toBe("follower")
  })
})

describe("a leader hands over", () => {
  const leading = (priorities: Readonly<Record<string, number>>) => {
    const node = given({ configuration: withPriorities({ a: 10, ...priorities }) })
    elected(node)
    for (const id of ["b", "c"]) hears(node, id, appendReply({ term: 1, index: 1 }))
    return node
  }
  const asked = (node: Node, to: string | null) =>
    when(node, { type: "TransferAsked", to, origin: {} }, NOW + limits.heartbeatMillis)

  test("to the highest priority among those that answer", () => {
    const { judged, messages } = asked(leading({ b: 2, c: 7 }), null)
    expect(judged.map(({ verdict }) => verdict)).toEqual(["c"])
    expect(messages).toContainEqual({ to: "c", message: { type: "TimeoutNow", term: 1 } })
  })

  test("to nobody with the priority 0", () => {
    expect(asked(leading({ b: 0 }), "b").judged[0]!.verdict).toMatchObject({ code: "bad-request" })
    expect(asked(leading({ b: 0, c: 0 }), null).judged[0]!.verdict).toMatchObject({ code: "no-successor" })
  })
})
