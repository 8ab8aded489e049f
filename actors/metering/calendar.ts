// When does a window begin and end, and what is it called? All of it in UTC.

import type { Kind } from "./shapes.ts"

export const lengthMillis: Readonly<Record<Kind, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

export const beginOf = (kind: Kind, time: number): number => time - (time % lengthMillis[kind])

/** The first millisecond behind it. */
export const endOf = (kind: Kind, from: number): number => from + lengthMillis[kind]

/** As `2017-05-16T00-14Z`, `2017-05-16T00Z`, `2017-05-16`: good in the name of a file, and sorted by time. */
export const labelOf = (kind: Kind, from: number | null): string => {
  if (from === null) return "various"
  const iso = new Date(from).toISOString()
  if (kind === "day") return iso.slice(0, 10)
  return kind === "hour" ? `${iso.slice(0, 13)}Z` : `${iso.slice(0, 13)}-${iso.slice(14, 16)}Z`
}
