// Does the example of one actor hold? (docs/TESTING.md)

import { expect, test } from "bun:test"
import { testActor } from "raftlet/testing"
import counter from "../../actors/counter.ts"

test("a counter adds, and tells its value", () => {
  const subject = testActor(counter)
  expect(subject.execute("a", "add", { by: 2 })).toMatchObject({
    outcome: "executed",
    result: 2,
    revision: 1,
  })
  expect(subject.query("a", "value")).toBe(2)
})
