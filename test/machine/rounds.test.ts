// Is each one's work taken in its order, and nobody's before all others had their turn?

import { expect, test } from "bun:test"
import fc from "fast-check"
import { Rounds } from "../../src/machine/Rounds.ts"

test("takes what a list of lists would, whatever comes meanwhile", () => {
  const step = fc.oneof(fc.constantFrom("a", "b", "c"), fc.constant(null))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rounds = new Rounds<string, string>()
      let twin: Array<{ readonly key: string; readonly items: Array<string> }> = []
      const take = () => {
        const [first, ...rest] = twin
        const item = first?.items.shift()
        if (first !== undefined) twin = first.items.length > 0 ? [...rest, first] : rest
        expect(rounds.next()).toBe(item as string)
      }
      for (const [at, key] of steps.entries()) {
        if (key === null) take()
        else {
          const item = `${key}${at}`
          const queue = twin.find((one) => one.key === key)
          if (queue === undefined) twin.push({ key, items: [item] })
          else queue.items.push(item)
          rounds.add(key, item)
        }
      }
      while (twin.length > 0) take()
      expect(rounds.next()).toBe(undefined)
    }),
  )
})

test("keeps the order of one who has always something waiting", () => {
  const rounds = new Rounds<string, number>()
  rounds.add("a", 0)
  for (let at = 0; at < 5_000; at++) {
    rounds.add("a", at + 1)
    expect(rounds.next()).toBe(at)
  }
})
