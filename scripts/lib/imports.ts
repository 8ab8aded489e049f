// What does a file import?

import { posix } from "node:path"
import { lineAt, type SourceFile } from "./SourceFile.ts"

export interface Import {
  /** As written. */
  readonly specifier: string
  /** From the root of the project; null for a package. */
  readonly target: string | null
  /** Gone before the program runs. */
  readonly typeOnly: boolean
  readonly line: number
}

// Found in the code layer, where the insides of strings are blank: a quoted import is no import.
const FORMS: ReadonlyArray<RegExp> = [
  /\b(?:import|export)\b(?<type>\s+type\b(?!\s+from\b|\s*,))?[\w$\s{},*]*?\bfrom\s*(?<quote>["'])/dg,
  /\bimport\s*(?<quote>["'])/dg,
  /\b(?:import|require|import\s*\.\s*meta\s*\.\s*(?:resolve|require))\s*\(\s*(?<quote>["'`])/dg,
  // A worker's file is imported too, only by another thread.
  /\bnew\s+URL\s*\(\s*(?<quote>["'`])(?=[^"'`]*["'`]\s*,\s*import\s*\.\s*meta)/dg,
]

export const importsOf = (file: SourceFile): ReadonlyArray<Import> =>
  FORMS.flatMap((form) => [...file.code.matchAll(form)])
    .map((match) => {
      const [quoteAt, from] = match.indices!.groups!.quote!
      const specifier = file.text.slice(from, file.text.indexOf(file.text[quoteAt]!, from))
      return {
        specifier,
        target: targetOf(file.path, specifier),
        typeOnly: match.groups?.type !== undefined,
        line: lineAt(file.text, quoteAt),
      }
    })
    .sort((a, b) => a.line - b.line)

const targetOf = (path: string, specifier: string): string | null => {
  if (specifier === "raftlet") return "src/index.ts"
  return /^\.{0,2}\//.test(specifier) ? posix.join(posix.dirname(path), specifier) : null
}
