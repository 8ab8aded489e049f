// Is the quick yes about a value ever wrong? Against the schema's own parser.

import { describe, expect, test } from "bun:test"
import { Result, Schema, SchemaParser } from "effect"
import fc from "fast-check"
import type { AnySchema, Json } from "../../src/machine/actor.ts"
import { Coder } from "../../src/machine/Coder.ts"
import { fitsOf, parseOptions } from "../../src/machine/fits.ts"
import { HostFault } from "../../src/machine/HostFault.ts"
import { canonicalise } from "../../src/machine/json.ts"

const Percent = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
const Leaf = Schema.Union([Schema.String, Schema.Finite, Schema.Literal("x"), Schema.Null])
const plain: Readonly<Record<string, AnySchema>> = {
  null: Schema.Null,
  boolean: Schema.Boolean,
  number: Schema.Number,
  percent: Percent,
  text: Schema.String.check(Schema.isMinLength(1), Schema.isPattern(/^[a-c]*$/)),
  grouped: Schema.String.check(Schema.isMinLength(1).and(Schema.isMaxLength(2))),
  literals: Schema.Literals(["a", 1, true]),
  unknown: Schema.Unknown,
  list: Schema.Array(Percent),
  shortList: Schema.Array(Leaf).check(Schema.isMaxLength(2)),
  struct: Schema.Struct({
    a: Percent,
    b: Schema.optional(Schema.String),
    c: Schema.optionalKey(Schema.Null),
  }),
  nested: Schema.Struct({ a: Schema.Struct({ b: Schema.Array(Schema.Struct({ c: Leaf })) }) }),
  record: Schema.Record(Schema.String, Schema.Struct({ a: Percent })),
  union: Schema.Union([Schema.Struct({ a: Percent }), Schema.Struct({ a: Schema.String, b: Leaf }), Leaf]),
}

const values = fc.letrec<{ readonly json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, false, 0, 1, 7, 100, 101, -1, 0.5, "", "a", "b", "abc", "x", "zz"),
    fc.array(tie("json"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c", "d", "toString"), tie("json"), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ) as fc.Arbitrary<Json>,
})).json

/** Values that nearly fit are rare by chance: here they are made. */
const near: ReadonlyArray<Json> = [
  { a: 1 },
  { a: 1, b: "x" },
  { a: 1, b: "x", c: null },
  { a: 1, b: null },
  { a: 1, d: 1 },
  { b: "x" },
  { a: { b: [{ c: "x" }, { c: null }] } },
  { a: { b: [{ c: "x", d: 1 }] } },
  { a: { b: [{}] } },
  { a: "text", b: 0.5 },
  { a: "text" },
  { x: { a: 1 }, y: { a: 100 } },
  { x: { a: 1 }, y: { a: 101 } },
  {},
  [],
  [1, 2],
  [1, 101],
  [1, 2, 3],
]

describe("the quick yes", () => {
  for (const [name, schema] of Object.entries(plain)) {
    test(`says of every value what the parser says (${name})`, () => {
      const fits = fitsOf(schema.ast)!
      expect(fits).not.toBeNull()
      const parse = SchemaParser.decodeUnknownResult(schema, parseOptions)
      const agree = (value: Json) => {
        const { json } = canonicalise(value)
        expect([json, fits(json)]).toEqual([json, Result.isSuccess(parse(json))])
      }
      for (const value of near) agree(value)
      fc.assert(fc.property(values, agree), { numRuns: 200 })
    })
  }

  const parsersOnly: Readonly<Record<string, AnySchema>> = {
    "a transformation": Schema.DateTimeUtcFromString,
    "a transformation deep inside": Schema.Struct({ a: Schema.Array(Schema.NumberFromString) }),
    "exactly one of several": Schema.Union([Schema.String, Schema.Finite], { mode: "oneOf" }),
    "a tuple": Schema.Tuple([Schema.String, Schema.Finite]),
    "a field that every object inherits": Schema.Struct({ toString: Schema.Unknown }),
    "an empty struct": Schema.Struct({}),
    "a record with keys of a pattern": Schema.Record(
      Schema.String.check(Schema.isPattern(/^a/)),
      Schema.Finite,
    ),
    "a struct with more keys": Schema.StructWithRest(Schema.Struct({ a: Schema.Finite }), [
      Schema.Record(Schema.String, Schema.Finite),
    ]),
  }
  for (const [name, schema] of Object.entries(parsersOnly)) {
    test(`is not given for ${name}`, () => {
      expect(fitsOf(schema.ast)).toBeNull()
    })
  }
})

describe("a coder with the quick yes refuses what the parser refuses", () => {
  const Struct = Schema.Struct({ a: Schema.Number, b: Schema.optionalKey(Schema.String) })
  const coder = new Coder(Struct)
  const symbol = Symbol("s")
  class Point {
    readonly a = 1
  }
  const refused: ReadonlyArray<readonly [string, unknown]> = [
    ["an unknown field that is undefined", { a: 1, c: undefined }],
    ["undefined where a key may be absent", { a: 1, b: undefined }],
    ["a symbol as key", { a: 1, [symbol]: 1 }],
    ["not a number", { a: Number.NaN }],
    ["nothing", undefined],
  ]
  for (const [what, value] of refused) {
    test(what, () => expect(Result.isFailure(coder.encode(value))).toBe(true))
  }

  test("and takes what the parser takes, in the same form", () => {
    for (const [value, text] of [
      [{ b: "x", a: -0 }, '{"a":0,"b":"x"}'],
      [new Point(), '{"a":1}'],
      [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ] as const) {
      const encoded = coder.encode(value)
      expect(Result.isSuccess(encoded) && JSON.stringify(encoded.success.json)).toBe(text)
    }
  })

  test("-0, where a check tells it from 0, although it would be stored as 0", () => {
    const positive = new Coder(Schema.Number.check(Schema.makeFilter((value) => 1 / value > 0)))
    expect([0, -0].map((value) => Result.isSuccess(positive.encode(value)))).toEqual([true, false])
  })

  test("what reads differently each time is stored as it was checked", () => {
    let reads = 0
    const shifty = {
      get a() {
        reads++
        return reads === 1 ? 1 : "not a number"
      },
    }
    const encoded = coder.encode(shifty)
    expect(Result.isSuccess(encoded) && encoded.success.json).toEqual({ a: 1 })
  })

  test("a check that throws is the parser's affair", () => {
    const throwing = new Coder(
      Schema.Finite.check(
        Schema.makeFilter(() => {
          throw new Error("check failed")
        }),
      ),
    )
    const encoded = throwing.encode(1)
    expect(Result.isFailure(encoded) && encoded.failure).toHaveLength(1)
  })
})

test("a value whose own getter runs over the stack is no outcome either (HAZARDS D6)", () => {
  const endless = Object.create({
    get constructor(): unknown {
      return this.constructor
    },
  })
  const coder = new Coder(Schema.Unknown)
  expect(() => coder.encode(endless)).toThrow(HostFault)
})
