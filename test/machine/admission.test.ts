// What does the door settle at once, and what does it let into the log?

import { describe, expect, test } from "bun:test"
import { encodeCommand } from "../../src/machine/command.ts"
import { Bench, command, refusalOf } from "./Bench.ts"
import { bench, registry, started } from "./suspects.ts"

describe("the door settles what is bound to be refused, without a log entry (contract §3)", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
  const refusals: ReadonlyArray<readonly [string, Partial<Parameters<typeof command>[0]>, object]> = [
    ["an unknown actor", { actor: "nobody" }, { code: "unknown-actor" }],
    ["an actor named like a property of every object", { actor: "constructor" }, { code: "unknown-actor" }],
    ["an unknown command", { command: "sub" }, { code: "unknown-command" }],
    ["a command named like a property of every object", { command: "toString" }, { code: "unknown-command" }],
    ["an empty key", { key: "" }, { code: "invalid-input" }],
    ["a key of 513 bytes", { key: "ä".repeat(257) }, { code: "invalid-input" }],
    ["a key with NUL", { key: "a\u0000b" }, { code: "invalid-input" }],
    ["an empty idempotency key", { idempotencyKey: "" }, { code: "invalid-input" }],
    ["an idempotency key of 129 bytes", { idempotencyKey: "x".repeat(129) }, { code: "invalid-input" }],
    [
      "input that is not JSON",
      { input: "{" },
      { code: "invalid-input", issues: [{ path: "", message: "Expected JSON" }] },
    ],
    ["no input", { input: "" }, { code: "invalid-input" }],
    ["null where an object is due", { json: null }, { code: "invalid-input" }],
    [
      "a missing field",
      { json: {} },
      { code: "invalid-input", issues: [{ path: "/by", message: "Missing key" }] },
    ],
    [
      "a field of the wrong type",
      { json: { by: "1" } },
      { code: "invalid-input", issues: [{ path: "/by" }] },
    ],
    [
      "an unknown field",
      { json: { by: 1, "a/b~c": 2 } },
      { code: "invalid-input", issues: [{ path: "/a~1b~0c" }] },
    ],
    ["two faults at once", { json: { by: 1.5, x: 1 } }, { issues: [{ path: "/x" }, { path: "/by" }] }],
    ["a fraction for an integer", { json: { by: 0.5 } }, { issues: [{ path: "/by" }] }],
    [
      "a number beyond all numbers",
      { input: '{"by":1e400}' },
      { code: "invalid-input", issues: [{ path: "/by" }] },
    ],
    ["an integer that is not exact", { input: '{"by":9007199254740993}' }, { code: "invalid-input" }],
    [
      "a key that reaches for the prototype",
      { input: '{"__proto__":{"by":1}}' },
      { issues: [{ path: "/__proto__" }] },
    ],
    ["half of a surrogate pair", { input: '{"by":"\\ud800"}' }, { issues: [{ path: "/by" }] }],
    [
      "an index into nothing",
      { command: "mutatesInput", json: { list: [1, "x"] } },
      { issues: [{ path: "/list/1" }] },
    ],
    ["input where none is taken", { command: "throws", json: {} }, { code: "invalid-input" }],
    ["input of more than the limit", { input: `"${"x".repeat(999)}"` }, { code: "too-large" }],
  ]
  for (const [what, given, expected] of refusals) {
    test(what, () => {
      const at = bench()
      const admission = at.admit(command({ json: { by: 1 }, ...given }))
      if (admission._tag !== "Settled") throw new Error("it was let in")
      expect(refusalOf(admission.outcome)).toMatchObject(expected)
      expect(at.state()).toEqual({ state: { value: 0 }, revision: 0, index: 0 })
    })
  }

  test("input nested 100,000 levels deep (HAZARDS D6, H1)", () => {
    const at = new Bench(registry)
    const admission = at.admit(command({ input: deep }))
    expect(admission._tag === "Settled" && refusalOf(admission.outcome)).toMatchObject({
      code: "invalid-input",
    })
  })

  test("bytes that hold no command", () => {
    const at = bench()
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(100).fill(255),
      encodeCommand(command()).slice(0, -1),
    ]) {
      const admission = at.machine.admit([bytes])[0]!
      expect(admission._tag === "Settled" && refusalOf(admission.outcome)).toMatchObject({
        code: "invalid-input",
      })
    }
  })

  test("an expected revision that is already past, because revisions never fall", () => {
    const { propose, at } = started()
    for (let round = 0; round < 3; round++) propose(command({ json: { by: 1 } }))
    const settled = at.admit(command({ json: { by: 1 }, ifRevision: 2 }))
    expect(settled._tag === "Settled" && refusalOf(settled.outcome)).toMatchObject({
      code: "revision-mismatch",
      revision: 3,
    })
    expect(at.admit(command({ json: { by: 1 }, ifRevision: 3 }))._tag).toBe("Admitted")
    expect(at.admit(command({ json: { by: 1 }, ifRevision: 4 }))._tag).toBe("Admitted")
  })

  test("what it lets in names the version of the code, and its input in canonical form", () => {
    const at = bench()
    const plain = at.admit(
      command({ command: "mutatesInput", input: ' { "list" : [ ] } ', idempotencyKey: "k" }),
    )
    const other = at.admit(command({ command: "mutatesInput", input: '{"list":[]}', idempotencyKey: "k" }))
    expect(plain).toEqual(other)
  })
})
