// How are rows made readable in a terminal?

/** Columns as wide as they need; numbers to the right, also where some are missing. The first row is the head. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
): string => {
  const all = [head, ...rows.map((row) => row.map(cell))]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const right = head.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => typeof row[column] === "number" || row[column] === none),
  )
  return all
    .map((row) =>
      row
        .map((text, column) =>
          right[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

/** In a table: not known, or not to be had. */
export const none = "-"

/** 1017 → 1,017 */
export const thousands = (value: number): string => value.toLocaleString("en-US")

/**
 * Text from elsewhere, such as a client's key, as it may be shown in a terminal: what would move the cursor, change
 * colours or turn the direction of reading is escaped.
 */
export const printable = (text: string): string =>
  text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

const cell = (value: string | number): string =>
  typeof value === "number" ? thousands(value) : printable(value)

/** Control characters (C0, DEL, C1), line separators, and marks of direction. */
const unprintable = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
