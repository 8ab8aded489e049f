// Do the examples of versions hold? (docs/TESTING.md)

import { expect, test } from "bun:test"
import { checkMigration, testActor } from "raftlet/testing"
import counter from "../../actors/counter.ts"
import second from "./counter2.ts"

test("every state of version 1 comes to version 2, and back", () => {
  const states = [{ value: 0 }, { value: 12 }, { value: -3 }]
  const report = checkMigration({ from: counter, to: second, states })
  expect(report.states).toContainEqual({ value: 12, times: 0 })
  expect(report.rollback.possible).toBe(true)
})

test("a counter goes on under version 2, and again under version 1", () => {
  const subject = testActor(counter)
  subject.execute("a", "add", { by: 2 })
  const upgraded = subject.activate(second)
  expect(upgraded.execute("a", "add", { by: 3 })).toMatchObject({ result: 5, revision: 2 })
  expect(upgraded.state("a")).toEqual({ value: 5, times: 1 })
  upgraded.rollback()
  expect(subject.execute("a", "add", { by: 1 })).toMatchObject({ result: 6, revision: 3 })
})
