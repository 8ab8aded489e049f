// Does a reducer's Date mean the same moment on every node, and what the language says?

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { NotDeterministic } from "../../src/machine/realm/forbidden.ts"
import { reducerDateOf } from "../../src/machine/realm/ReducerDate.ts"

const ReducerDate = reducerDateOf(Date)

const moment = fc.date({ noInvalidDate: true })

describe("a Date for reducers", () => {
  test("reads every ISO text that names one moment as Date reads it", () => {
    fc.assert(
      fc.property(moment, fc.integer({ min: -1439, max: 1439 }), (at, offset) => {
        const sign = offset < 0 ? "-" : "+"
        const two = (part: number) => String(part).padStart(2, "0")
        const zone = `${sign}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`
        const text = at.toISOString()
        for (const given of [text, text.replace("Z", zone), text.slice(0, text.indexOf("T"))]) {
          expect(new ReducerDate(given).getTime()).toBe(Date.parse(given))
          expect(ReducerDate.parse(given)).toBe(Date.parse(given))
        }
      }),
    )
  })

  const valid = [
    "2020",
    "-000001",
    "+002020-01",
    "2020-02-29T24:00:00Z",
    "2020-02-29T23:59Z",
    "2020-01-01T00:00:00.1Z",
  ]
  const invalid = ["2020-02-30", "2021-02-29", "2020-02-29T24:00:01Z", "no date", ""]
  test.each(valid)("reads %s", (text) => {
    expect(ReducerDate.parse(text)).toBe(Date.parse(text))
    expect(ReducerDate.parse(text)).not.toBeNaN()
  })
  test.each(invalid)("finds no moment in %p", (text) => {
    expect(ReducerDate.parse(text)).toBeNaN()
    expect(new ReducerDate(text).getTime()).toBeNaN()
  })

  const local = [
    "2020-01-01T00:00",
    "2020-01-01 00:00Z",
    "2020-1-1",
    "Jan 1 2020",
    "1/2/2020",
    "2020-13-01",
    "2020-01-01T25:00Z",
    "-000000-01-01",
    new Date(0).toUTCString(),
  ]
  test.each(local)("refuses %s, which engines read as they like", (text) => {
    expect(() => new ReducerDate(text)).toThrow(NotDeterministic)
    expect(() => ReducerDate.parse(text)).toThrow("Date.parse without a time zone")
  })

  test("takes numbers, dates and objects as Date takes them", () => {
    const dates = [new Date(7), new ReducerDate(7)]
    const others = [
      7,
      7.9,
      -0,
      8.64e15 + 1,
      Number.NaN,
      null,
      undefined,
      true,
      new Number(7),
      { valueOf: () => 7 },
    ]
    const texts = [new String("2020"), { toString: () => "2020", valueOf: () => ({}) }, [2020], {}]
    const primitive = { [Symbol.toPrimitive]: (hint: string) => (hint === "default" ? 7 : 8) }
    for (const given of [...dates, ...others, ...texts, primitive]) {
      expect(new ReducerDate(given as number).getTime()).toBe(new Date(given as number).getTime())
    }
    expect(() => new ReducerDate(Symbol() as never)).toThrow(TypeError)
    expect(() => new ReducerDate(1n as never).getTime()).toThrow(TypeError)
  })

  test("is a Date to everybody else", () => {
    const at = new ReducerDate(7)
    expect(at).toBeInstanceOf(Date)
    expect(new Date(7)).toBeInstanceOf(ReducerDate)
    expect(structuredClone(at)).toEqual(new Date(7))
    expect([ReducerDate.name, ReducerDate.length, ReducerDate.UTC]).toEqual(["Date", 7, Date.UTC])
    class Deadline extends ReducerDate {}
    expect(new Deadline(7)).toBeInstanceOf(Deadline)
  })
})
