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

/** A line that is too long to be a call comes as an empty one: it counts as a line, and as nothing else. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  let isOverlong = false
  const finish = (end: string): string => {
    const line = isOverlong || rest.length + end.length > lineCharactersMax ? "" : rest + end
    rest = ""
    isOverlong = false
    return line.endsWith("\r") ? line.slice(0, -1) : line
  }
  for await (const chunk of chunks) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n")
    const last = pieces.pop() ?? ""
    for (const piece of pieces) yield finish(piece)
    isOverlong ||= rest.length + last.length > lineCharactersMax
    rest = isOverlong ? "" : rest + last
  }
  const end = decoder.decode()
  if (rest !== "" || end !== "" || isOverlong) yield finish(end)
}
