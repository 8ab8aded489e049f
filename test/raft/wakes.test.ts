// Do few of a node's groups wake at a time when a peer's process falls silent, and none that need not?

import { expect, test } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Node } from "../../src/consensus/node.ts"
import { Places } from "../../src/raft/Places.ts"
import { Rest } from "../../src/raft/Rest.ts"
import type { PulseTold, Transport } from "../../src/transport/Transport.ts"

/** Groups at rest on one node, led by n1, that wake one at a time. What each is told, by its name. */
const resting = Effect.fnUntraced(function* (names: ReadonlyArray<string>, wakes: Places | undefined) {
  const context = yield* Effect.context()
  const listening: Array<PulseTold> = []
  const posted: Array<string> = []
  const transport = {
    onPulse: (told: PulseTold) => {
      listening.push(told)
      return () => {}
    },
  } as unknown as Transport["Service"]
  for (const group of names) {
    const role: object = { kind: "follower", leader: "n1", rest: { process: "p", isDoubted: false } }
    const node = { group, role } as unknown as Node
    const rest = new Rest({
      options: { rests: true, ...(wakes === undefined ? {} : { wakes }) },
      node,
      transport,
      clock: undefined as never,
      now: () => 0,
      post: ({ type }) => void posted.push(`${group} ${type}`),
    })
    yield* rest.follow((life) => void Effect.runForkWith(context)(life))
  }
  return { posted, tell: (...what: Parameters<PulseTold>) => listening.forEach((told) => told(...what)) }
})

const run = (body: ReturnType<typeof steps>): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.provide(body, TestClock.layer())))

const steps = Effect.fnUntraced(function* (
  wakes: Places | undefined,
  each: ReadonlyArray<readonly [Parameters<PulseTold> | number, ReadonlyArray<string>]>,
) {
  const { posted, tell } = yield* resting(["a", "b", "c"], wakes)
  for (const [what, expected] of each) {
    if (typeof what === "number") yield* TestClock.adjust(what)
    else {
      tell(...what)
      yield* TestClock.adjust(0)
    }
    expect(posted).toEqual([...expected])
  }
})

const silent = (group: string) => `${group} PeerSilent`
const another = (group: string) => `${group} PeerAnother`

test("one after the other wakes, and those to whom it has not come rest on when the peer is heard again", () =>
  run(
    steps(new Places(1, 500), [
      [["n1", "silent"], [silent("a")]],
      [499, [silent("a")]],
      [1, [silent("a"), silent("b")]],
      [
        ["n1", "heard"],
        [silent("a"), silent("b")],
      ],
      [5_000, [silent("a"), silent("b")]],
      // The next time it comes to those first that come first.
      [
        ["n1", "silent"],
        [silent("a"), silent("b"), silent("a")],
      ],
    ]),
  ))

test("another process is told to everybody in the end, also when it is heard, and when it falls silent", () =>
  run(
    steps(new Places(1, 500), [
      [["n1", "another"], [another("a")]],
      [["n1", "heard"], [another("a")]],
      [["n1", "silent"], [another("a")]],
      [["n1", "heard"], [another("a")]],
      [500, [another("a"), another("b")]],
      [500, [another("a"), another("b"), another("c")]],
    ]),
  ))

test("of a peer that does not count nobody is told", () =>
  run(
    steps(new Places(1, 500), [
      [["n2", "silent"], []],
      [5_000, []],
    ]),
  ))

test("where nothing is said of places all wake at once", () =>
  run(
    steps(undefined, [
      [
        ["n1", "silent"],
        [silent("a"), silent("b"), silent("c")],
      ],
    ]),
  ))
