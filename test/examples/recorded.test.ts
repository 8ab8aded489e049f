// Does the example of recorded commands hold? (docs/TESTING.md)

import { expect, test } from "bun:test"
import { replayCommands } from "raftlet/testing"
import counter from "../../actors/counter.ts"
import second from "./counter2.ts"

test("version 2 answers what version 1 has answered, and counts", () => {
  // run raftlet log --from 70 --limit 1000 --json > log.json
  const recorded = {
    entries: [
      { index: 71, term: 2, time: "2026-11-23T10:11:12.345Z", kind: "noop" },
      { index: 72, kind: "command", actor: "counter", key: "a", command: "add", input: { by: 2 } },
    ],
  }
  const { commands, differences } = replayCommands({
    recorded,
    actor: "counter",
    version: counter,
    compareWith: second,
    // What was there when the recording began.
    instances: { a: { state: { value: 5 }, revision: 3 } },
  })
  expect(commands).toMatchObject([{ answer: { result: 7, revision: 4 }, state: { value: 7 } }])
  expect(differences).toEqual([
    { index: 72, key: "a", command: "add", what: "state", path: "/times", before: 0, after: 1 },
  ])
})
