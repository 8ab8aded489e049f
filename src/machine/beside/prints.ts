// Where does it go what users' code prints in a thread beside the node? To the node's log, line by line, and no more than that can take.
//
// To be imported first: what is imported later may keep the console that it finds.

import { formatWithOptions } from "node:util"
import { lineLengthMax, linesMax, linesMore } from "./limits.ts"

let take: (line: string) => void = () => {}
let left = linesMax
let dropped = 0

/** From now on it gets what is printed. */
export const printTo = (taker: (line: string) => void): void => {
  take = taker
}

/** Time has passed. */
export const allowMore = (): void => {
  left = Math.min(left + linesMore, linesMax)
  if (dropped === 0) return
  take(`… and ${dropped} lines more, which nobody keeps`)
  dropped = 0
}

const print = (...values: ReadonlyArray<unknown>): void => {
  // Who prints in a loop is not to pay for making the lines.
  if (left === 0) {
    dropped++
    return
  }
  left--
  const line = formatWithOptions({ depth: 4 }, ...values).trimEnd()
  take(line.length > lineLengthMax ? `${line.slice(0, lineLengthMax)}…` : line)
}

const printing = ["log", "info", "debug", "warn", "error", "trace", "dir", "table"] as const
for (const name of printing) console[name] = print
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: string | Uint8Array): boolean => {
    print(typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk))
    return true
  }
}
