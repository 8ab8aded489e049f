// Was something left behind that was meant for a later hour?

import { lineAt, type SourceFile } from "./SourceFile.ts"
import { skipsIn } from "./skips.ts"
import type { Finding, Page } from "./tree.ts"

interface Trace {
  readonly layer: "code" | "comments"
  readonly pattern: RegExp
  readonly message: string
}

const MARKS = /\b(?:TODO|FIXME|XXX|HACK)\b/g

const TRACES: ReadonlyArray<Trace> = [
  { layer: "comments", pattern: MARKS, message: "do it, or open an issue" },
  { layer: "comments", pattern: /@ts-(?:ignore|nocheck|expect-error\s*$)/gm, message: "hides a type error" },
  {
    layer: "comments",
    pattern: /eslint-disable|prettier-ignore/g,
    message: "speaks to a tool not used here",
  },
  { layer: "code", pattern: /\bas\s+any\b/g, message: "as any switches the compiler off" },
  { layer: "code", pattern: /\.\s*only\s*\(/g, message: "hides all other tests" },
  { layer: "code", pattern: /\.\s*todo(?:If)?\s*\(/g, message: "a test that does not exist" },
  { layer: "code", pattern: /\bdebugger\b/g, message: "stops the program" },
]

export const leftovers = (
  files: ReadonlyArray<SourceFile>,
  pages: ReadonlyArray<Page>,
): ReadonlyArray<Finding> => [
  ...files.flatMap((file) => [...tracesIn(file), ...skipsWithoutReason(file)]),
  ...pages.flatMap((page) =>
    [...page.text.matchAll(MARKS)].map((match) => ({
      path: page.path,
      line: lineAt(page.text, match.index),
      message: `${match[0]}: do it, or open an issue`,
    })),
  ),
]

const tracesIn = (file: SourceFile): ReadonlyArray<Finding> =>
  TRACES.flatMap(({ layer, pattern, message }) =>
    [...file[layer].matchAll(pattern)].map((match) => ({
      path: file.path,
      line: lineAt(file.text, match.index),
      message: `${match[0].trim()}: ${message}`,
    })),
  )

const skipsWithoutReason = (file: SourceFile): ReadonlyArray<Finding> =>
  skipsIn(file)
    .filter((skip) => skip.reason === null)
    .map(({ line }) => ({
      path: file.path,
      line,
      message: "skips a test: say why in a comment `// skip: …` on the line or right above it",
    }))
