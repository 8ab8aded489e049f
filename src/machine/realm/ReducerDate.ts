// What is a Date to a reducer? Calendar arithmetic in UTC on moments that it was given, and no clock.

import { closedFunction } from "./closed.ts"
import { isOpenDateMethod, refusalOf } from "./forbidden.ts"

/**
 * Stands in place of `Date`. Its instances are Dates. What asks for the time of day, or means another time in
 * another time zone, is refused.
 */
export const reducerDateOf = (Right: DateConstructor): DateConstructor => {
  function ReducerDate(...parts: ReadonlyArray<unknown>): unknown {
    if (new.target === undefined) throw refusalOf("Date()")
    if (parts.length === 0) throw refusalOf("new Date()")
    if (parts.length > 1) throw refusalOf("new Date(year, month)")
    const target = (new.target as unknown) === ReducerDate ? Right : new.target
    return Reflect.construct(Right, [millisOf(parts[0])], target)
  }
  const millisOf = (value: unknown): number => {
    if (typeof value === "number") return value
    if (value instanceof Right) return Right.prototype.getTime.call(value)
    const primitive = primitiveOf(value)
    return typeof primitive === "string" ? parse(primitive) : +(primitive as number)
  }
  const parse = (text: string): number => {
    const [
      ,
      year,
      month = "1",
      day = "1",
      hour = "0",
      minute = "0",
      second = "0",
      fraction = "",
      zone = "Z",
    ] = isoPattern.exec(text) ?? []
    // A text without a digit is no date in any time zone. Of all others only the ISO form means one moment.
    if (year === undefined) {
      if (/\d/.test(text)) throw refusalOf("Date.parse without a time zone")
      return Number.NaN
    }
    if (+hour === 24 && +minute + +second + +fraction > 0) return Number.NaN
    const date = new Right(0)
    date.setUTCFullYear(+year, +month - 1, +day)
    if (date.getUTCMonth() !== +month - 1 || date.getUTCDate() !== +day) return Number.NaN
    return date.setUTCHours(
      +hour,
      +minute - offsetMinutes(zone),
      +second,
      +fraction.padEnd(3, "0").slice(0, 3),
    )
  }
  return Object.defineProperties(ReducerDate, {
    name: { value: "Date" },
    length: { value: 7 },
    prototype: { value: Right.prototype, writable: false },
    UTC: { value: Right.UTC, writable: true, configurable: true },
    parse: { value: (text: unknown) => parse(`${text}`), writable: true, configurable: true },
    now: { value: closedFunction("Date.now"), writable: true, configurable: true },
  }) as unknown as DateConstructor
}

/** Of `Date.prototype`: everything that is not UTC. */
export const closedDateMethods = (prototype: object): ReadonlyArray<string> =>
  Object.getOwnPropertyNames(prototype).filter((name) => !isOpenDateMethod(name))

/** ECMA-262, "Date Time String Format", with a time zone wherever there is a time. Ranges within the pattern. */
const isoPattern =
  /^(\d{4}|[+]\d{6}|-(?!0{6})\d{6})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?(?:T([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/

const offsetMinutes = (zone: string): number =>
  zone === "Z" ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))

/** What `Date` makes of an object: ECMA-262, ToPrimitive without a hint. */
const primitiveOf = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  const exotic = Reflect.get(value, Symbol.toPrimitive)
  if (exotic !== undefined && exotic !== null) return Reflect.apply(exotic, value, ["default"])
  const plain = value.valueOf()
  return typeof plain === "object" && plain !== null ? value.toString() : plain
}
