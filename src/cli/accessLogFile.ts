// How does a log of any length come in without filling the memory?

import { type ApiCall, parseLine } from "./accessLog.ts"

/** What was seen on the way through the file. */
export interface FileTally {
  lines: number
  calls: number
  malformed: number
  /** The first few, as `FILE:LINE: text`. */
  readonly malformedExamples: Array<string>
}

export const emptyTally = (): FileTally => ({ lines: 0, calls: 0, malformed: 0, malformedExamples: [] })

const lineCharactersMax = 64 * 1024
const examplesMax = 3

/** The calls of the file in order, in batches; the tally is kept while they are read. */
export async function* readCalls(
  path: string,
  tally: FileTally,
  batchMax: number,
): AsyncGenerator<ReadonlyArray<ApiCall>> {
  let batch: Array<ApiCall> = []
  for await (const line of linesOf(Bun.file(path).stream())) {
    tally.lines++
    const parsed = parseLine(line, path, tally.lines)
    if (parsed._tag === "Malformed") {
      tally.malformed++
      if (tally.malformedExamples.length < examplesMax) {
        tally.malformedExamples.push(`${path}:${tally.lines}: ${line.slice(0, 160)}`)
      }
    }
    if (parsed._tag !== "Call") continue
    tally.calls++
    batch.push(parsed.call)
    if (batch.length < batchMax) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** A line that never ends is cut: what is left of it is no call, and is counted as none. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = (lines.pop() ?? "").slice(0, lineCharactersMax)
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line
  }
  rest += decoder.decode()
  if (rest !== "") yield rest
}
