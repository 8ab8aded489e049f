// How is an answer shown whose fields nobody here knows?

import { printable, thousands } from "../tables.ts"

/** A field a line; what is nested deeper than a list of fields stays JSON. */
export const fieldsText = (body: unknown): string => {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return textOf(body)
  const fields = Object.entries(body)
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${printable(name).padEnd(width)}  ${textOf(value)}`).join("\n")
}

const textOf = (value: unknown): string => {
  if (value === null) return "none"
  if (typeof value === "number") return thousands(value)
  if (typeof value === "string") return printable(value)
  if (isNames(value)) return printable(value.join(", ")) || "none"
  if (isFlat(value)) return fieldsInLine(value)
  if (Array.isArray(value) && value.every(isFlat)) return value.map(fieldsInLine).join("; ")
  return printable(JSON.stringify(value))
}

/** Of plain values alone. */
const isFlat = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((item) => typeof item !== "object" || item === null || isNames(item))

const isNames = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

const fieldsInLine = (value: object): string =>
  Object.entries(value)
    .map(([name, item]) => `${printable(name)} ${textOf(item)}`)
    .join(", ")
