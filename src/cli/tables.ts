// How are rows made readable in a terminal?

/** Columns as wide as they need; numbers to the right. The first row is the head. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
): string => {
  const all = [head, ...rows.map((row) => row.map(cell))]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const right = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
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

/** 1017 → 1,017 */
export const thousands = (value: number): string => value.toLocaleString("en-US")

const cell = (value: string | number): string => (typeof value === "number" ? thousands(value) : value)
