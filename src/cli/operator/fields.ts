// How is an answer shown whose fields nobody here knows?

import { printable, thousands } from "../tables.ts"

/** A field a line; what is nested stays JSON. */
export const fieldsText = (body: unknown): string => {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return textOf(body)
  const fields = Object.entries(body)
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${printable(name).padEnd(width)}  ${textOf(value)}`).join("\n")
}

const textOf = (value: unknown): string => {
  if (typeof value === "number") return thousands(value)
  if (typeof value === "string") return printable(value)
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) {
    return printable(value.join(", ")) || "none"
  }
  return printable(JSON.stringify(value))
}
