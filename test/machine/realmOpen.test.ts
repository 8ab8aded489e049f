// Is the host's realm, after a reducer ran in it, what it was before, and what did the reducer see meanwhile?

import { describe, expect, spyOn, test } from "bun:test"
import { NotDeterministic } from "../../src/machine/realm/forbidden.ts"
import { inClosedRealm } from "../../src/machine/realm/inClosedRealm.ts"

/** All that is exchanged, or stands beside it. */
const holders: ReadonlyArray<object> = [
  globalThis,
  Bun,
  Math,
  Date,
  Date.prototype,
  Error,
  URL,
  process,
  process.hrtime,
  String.prototype,
  Number.prototype,
  BigInt.prototype,
  Array.prototype,
  Object.getPrototypeOf(Uint8Array.prototype),
  Function.prototype,
  Object.getPrototypeOf(async () => {}),
  Object.getPrototypeOf(function* () {}),
  Object.getPrototypeOf(async function* () {}),
]

const lookAt = () => holders.map((holder) => Object.entries(Object.getOwnPropertyDescriptors(holder)))

/** Identity, not equality: `toEqual` would call two closed things the same. */
const differences = (
  before: ReturnType<typeof lookAt>,
  after: ReturnType<typeof lookAt>,
): ReadonlyArray<string> =>
  before.flatMap((entries, at) => {
    const found = after[at] ?? []
    if (entries.map(([key]) => key).join() !== found.map(([key]) => key).join())
      return [`order of holder ${at}`]
    return entries.flatMap(([key, descriptor], index) => {
      const [, now] = found[index]!
      const fields = Object.keys({ ...descriptor, ...now }) as ReadonlyArray<keyof PropertyDescriptor>
      return fields.every((field) => Object.is(descriptor[field], now[field])) ? [] : [key]
    })
  })

const refused = (run: () => unknown) => expect(run).toThrow(NotDeterministic)

describe("a realm that is closed for the time of a call", () => {
  test("is afterwards what it was, down to the descriptors", () => {
    const before = lookAt()
    expect(inClosedRealm(() => 5)).toBe(5)
    expect(differences(before, lookAt())).toEqual([])
    expect(Date.now()).toBeGreaterThan(0)
  })

  test("is opened again when the work throws", () => {
    const before = lookAt()
    expect(() =>
      inClosedRealm(() => {
        throw new Error("mine")
      }),
    ).toThrow("mine")
    expect(differences(before, lookAt())).toEqual([])
  })

  test("is another realm meanwhile", () => {
    const before = lookAt()
    const meanwhile = inClosedRealm(lookAt)
    const changed = differences(before, meanwhile)
    for (const name of [
      "fetch",
      "process",
      "random",
      "getHours",
      "stackTraceLimit",
      "bigint",
      "localeCompare",
    ]) {
      expect(changed).toContain(name)
    }
    expect(changed).not.toContain("Array")
    expect(changed).not.toContain("console")
  })

  test("stays closed until the outermost of nested calls ends", () => {
    inClosedRealm(() => {
      inClosedRealm(() => refused(() => Date.now()))
      refused(() => Date.now())
      expect(() =>
        inClosedRealm(() => {
          throw new Error("inner")
        }),
      ).toThrow("inner")
      refused(() => Date.now())
    })
    expect(Date.now()).toBeGreaterThan(0)
  })

  test("gives a stand-in of a test back too", () => {
    const spy = spyOn(Math, "random").mockReturnValue(0.5)
    try {
      inClosedRealm(() => refused(() => Math.random()))
      expect(Math.random()).toBe(0.5)
    } finally {
      spy.mockRestore()
    }
  })

  test("refuses closures that were never bundled", () => {
    inClosedRealm(() => {
      refused(() => new Date())
      refused(() => Math.random())
      refused(() => globalThis.crypto.randomUUID())
      refused(() => setTimeout(() => {}, 0))
      refused(() => process.env.HOME)
      refused(() => Bun.nanoseconds())
      refused(() => new Function("return 1")())
      refused(() => Object.getPrototypeOf(async () => {}).constructor("return 1"))
      expect(new Error("x").stack).toBeUndefined()
    })
    expect(new Error("x").stack).toContain(import.meta.file)
  })

  test("says what to use instead", () => {
    const said = (run: () => unknown): string => {
      try {
        return String(inClosedRealm(run))
      } catch (error) {
        return String(error)
      }
    }
    expect(said(() => Date.now())).toBe("NotDeterministic: Date.now is closed to reducers: use ctx.now")
    expect(said(() => Math.random())).toBe(
      "NotDeterministic: Math.random is closed to reducers: use ctx.random",
    )
    expect(said(() => crypto.randomUUID())).toBe(
      "NotDeterministic: crypto.randomUUID is closed to reducers: use ctx.uuid",
    )
    expect(said(() => setTimeout(() => {}, 0))).toBe(
      "NotDeterministic: setTimeout is closed to reducers: use ctx.schedule",
    )
    expect(said(() => fetch("http://localhost"))).toBe(
      "NotDeterministic: fetch is closed to reducers: what touches the world belongs into `leading`",
    )
    expect(said(() => process.pid)).toBe(
      "NotDeterministic: process.pid is closed to reducers: a reducer reaches nothing but its state, its input and its ctx",
    )
  })
})
