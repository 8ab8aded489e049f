// How is a history drawn? One line for each client, its operations as bars: where a bar begins and ends is when.
//
//   a [set 1 → 0 @1]     [set 2 if 1 !mismatch]
//   b          [get → 1 @1]        [set 3 ?
//
// `→ result @revision` is an answer, `!code` a refusal, `✗` a rejection; what ends with `?` was never heard of again.
// `*` before an operation: here the checker is to say that it does not fit.

import type { Json } from "../../src/machine/actor.ts"
import type { Operation } from "../../src/simulation/history.ts"

export interface Picture {
  readonly operations: ReadonlyArray<Operation>
  readonly misfit: Operation | null
}

export const picture = (actor: string, drawing: string): Picture => {
  let misfit: Operation | null = null
  const operations = drawing
    .split("\n")
    .map((line) => line.trim())
    .flatMap((line) =>
      [...line.matchAll(/\[(\*?)([^\]]*)(\]?)/g)].map((match) => {
        const [bar, star, text, end] = match
        const operation: Operation = {
          client: line[0]!,
          instance: `${actor}/x`,
          ...asked(actor, text!.trim()),
          ...answered(actor, text!.trim()),
          start: match.index,
          end: end === "" ? null : match.index + bar.length - 1,
        }
        if (star !== "") misfit = operation
        return operation
      }),
    )
  return { operations, misfit }
}

const asked = (actor: string, text: string): Pick<Operation, "op" | "input"> => {
  const [, word, value = "", ifRevision] = /^(\S+)(?: ([^\s→!✗?]+))?(?: if (\d+))?/.exec(text)!
  if (word === "get") return { op: `${actor}${actor === "list" ? "?items" : "?value"}`, input: null }
  const input =
    word === "append" ? { item: value } : word === "add" ? { by: Number(value) } : { value: Number(value) }
  return {
    op: `${actor}.${word}`,
    input: ifRevision === undefined ? input : { ...input, ifRevision: Number(ifRevision) },
  }
}

const answered = (actor: string, text: string): Pick<Operation, "outcome" | "output"> => {
  const answer = /→ (\S*) ?@(\d+)$/.exec(text)
  if (answer !== null) {
    const [, result = "", revision] = answer
    const isList = actor === "list" && text.startsWith("get")
    const shown: Json = isList ? result.split(",").filter((item) => item !== "") : Number(result)
    return { outcome: "ok", output: { result: shown, revision: Number(revision) } }
  }
  const refusal = /!(\S+)$/.exec(text)?.[1]
  if (refusal !== undefined) {
    return { outcome: "refused", output: refusal === "mismatch" ? "revision-mismatch" : refusal }
  }
  if (text.endsWith("✗")) return { outcome: "rejected", output: null }
  if (text.endsWith("?")) return { outcome: "unknown", output: null }
  throw new Error(`what was the answer of "${text}"?`)
}
