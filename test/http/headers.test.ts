// What does it cost to say with every answer who leads? One look at the group in a millisecond, however many groups answer.

import { expect, test } from "bun:test"
import { type Door, Doors } from "../../src/http/Doors.ts"
import { leading } from "./fakeRaft.ts"

test("each group is looked at once a millisecond, also where the answers of many take turns", () => {
  let now = 1
  const looks: Array<string> = []
  const doorOf = (group: string, leader: string): Door => {
    const status = () => {
      looks.push(group)
      return { ...leading, group, leader }
    }
    return { raft: { group, now: () => now, status }, machine: {} } as never
  }
  const [one, other] = [doorOf("one", "n1"), doorOf("other", "n2")]
  const doors = new Doors({ id: "n1" } as never, { get: () => one, values: () => [one, other] })
  const leaders = () => [one, other, one, other].map((door) => doors.headers(door)["Raftlet-Leader"]![1])
  expect(leaders()).toEqual(["1", "2", "1", "2"])
  expect(looks).toEqual(["one", "other"])
  now++
  expect(leaders()).toEqual(["1", "2", "1", "2"])
  expect(looks).toEqual(["one", "other", "one", "other"])
})
