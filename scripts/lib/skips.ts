// Which tests may be skipped, and why?

import { lineAt, type SourceFile } from "./SourceFile.ts"

export interface Skip {
  readonly line: number
  /** From `// skip: …` on the same line or on the one above it. */
  readonly reason: string | null
}

export const skipsIn = (file: SourceFile): ReadonlyArray<Skip> => {
  const comments = file.comments.split("\n")
  return [...file.code.matchAll(/\.\s*(?:skip(?:If)?|if)\s*[.(]/g)]
    .filter((match) => isTestWord(file.code, match.index))
    .map((match) => {
      const line = lineAt(file.code, match.index)
      const reason = reasonIn(comments[line - 1]) ?? reasonIn(comments[line - 2])
      return { line, reason }
    })
}

/** `describe.skip(`, `test.skipIf(`; not `stream.skip(`. */
const isTestWord = (code: string, dot: number): boolean =>
  /\b(?:test|it|describe)(?:\s*\.\s*(?:concurrent|serial))?\s*$/.test(code.slice(Math.max(0, dot - 40), dot))

const reasonIn = (comment: string | undefined): string | null =>
  /\bskip:\s*(\S.*?)\s*$/.exec(comment ?? "")?.[1] ?? null
