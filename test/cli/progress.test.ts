// Does progress say what is new, and little else?

import { expect, test } from "bun:test"
import { makeProgress } from "../../src/cli/progress.ts"

const shown = (isTTY: boolean, steps: ReadonlyArray<readonly [number, string]>): ReadonlyArray<string> => {
  const written: Array<string> = []
  let at = 0
  const stream = { isTTY, write: (text: string) => written.push(text) }
  const progress = makeProgress(stream, () => at)
  for (const [millis, text] of steps) {
    at = millis
    progress.show(text)
  }
  progress.end()
  return written
}

test("in a log a change is a line, and what stays the same is one a minute", () => {
  const waiting = Array.from({ length: 400 }, (_, step) => [2000 + step * 300, "n9 is a learner"] as const)
  expect(shown(false, [[0, "too early"], ...waiting, [200_000, "n9 is a voter"]])).toEqual([
    "n9 is a learner\n",
    "n9 is a learner\n",
    "n9 is a voter\n",
  ])
})

test("in a terminal one line changes in place", () => {
  expect(
    shown(true, [
      [0, "12 behind"],
      [1, "3"],
    ]),
  ).toEqual(["\r12 behind", "\r3        ", "\n"])
})
