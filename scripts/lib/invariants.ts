// Does docs/INVARIANTS.md still tell the truth? Every function, checker and test that it names exists, every
// property has both or says that it is not covered, and every id that code and tests speak of stands there.

import { lineAt, type SourceFile } from "./SourceFile.ts"
import type { Finding, Page } from "./tree.ts"

const PAGE = "docs/INVARIANTS.md"
/** Where the paths of the page begin, to keep them short. */
const ROOTS = ["src/", "test/", "scripts/"]
/** What goes red: tests, and the checkers of the simulation, which are shipped. */
const WATCHERS = ["test/", "src/simulation/"]

export const staleInvariants = (
  pages: ReadonlyArray<Page>,
  files: ReadonlyArray<SourceFile>,
): ReadonlyArray<Finding> => {
  const page = pages.find(({ path }) => path === PAGE)
  if (page === undefined) return [{ path: PAGE, line: 1, message: "is missing" }]
  const byPath = new Map(files.map((file) => [file.path, file]))
  const references = referencesOn(page.text, byPath)
  const rows = rowsOf(page.text)
  return [
    ...references.flatMap(({ line, text, problem }) =>
      problem === null ? [] : [{ path: PAGE, line, message: `${text}: ${problem}` }],
    ),
    ...rows.flatMap((row) => incomplete(row, references)),
    ...outOfOrder(rows),
    ...unknownIds(rows, files),
  ]
}

/** `path.ts: name` or `path.ts: "a part of a test's title"`, in backticks. */
interface Reference {
  readonly line: number
  readonly text: string
  /** What it names can go red: a test, or something of a test's own. */
  readonly watches: boolean
  /** Null when it leads somewhere. */
  readonly problem: string | null
}

const referencesOn = (text: string, files: ReadonlyMap<string, SourceFile>): ReadonlyArray<Reference> =>
  [...text.matchAll(/`([\w./-]+\.ts): ([^`]+)`/g)].map((match) => {
    const [, path = "", name = ""] = match
    const title = /^"(.*)"$/.exec(name)?.[1]
    const found = ROOTS.flatMap((root) => files.get(root + path) ?? [])
    const file = found[0]
    return {
      line: lineAt(text, match.index),
      text: `${path}: ${name}`,
      watches: WATCHERS.some((room) => file?.path.startsWith(room) ?? false),
      problem: problemOf(found, name, title),
    }
  })

const problemOf = (
  found: ReadonlyArray<SourceFile>,
  name: string,
  title: string | undefined,
): string | null => {
  const [file, other] = found
  if (file === undefined) return "there is no such file"
  if (other !== undefined) return `may mean ${file.path} or ${other.path}`
  if (title === undefined) return declares(file, name) ? null : `${file.path} declares no such name`
  return titlesOf(file).some((known) => known.includes(title)) ? null : `${file.path} has no such test`
}

/** A function, value or type of the file, or a member of one of its classes. */
export const declares = ({ code }: SourceFile, name: string): boolean => {
  if (!/^\w+$/.test(name)) return false
  const declared = new RegExp(`\\b(?:const|let|function\\*?|class|interface|type)\\s+${name}\\b`)
  const field = new RegExp(
    `^[ \\t]+(?:(?:private|public|static|readonly)\\s+)+#?${name}\\b|^  #?${name} = \\(.*=>`,
    "m",
  )
  if (declared.test(code) || field.test(code)) return true
  const method = new RegExp(`^[ \\t]+(?:(?:private|public|static|async|get|set)\\s+)*\\*?#?${name}\\(`, "gm")
  // A call looks alike up to the closing parenthesis; behind it a method has a type or a body.
  return [...code.matchAll(method)].some((match) =>
    /^\s*[:{]/.test(code.slice(closingParenthesis(code, match.index + match[0].length))),
  )
}

const closingParenthesis = (code: string, from: number): number => {
  let open = 1
  let at = from
  for (; at < code.length && open > 0; at++) {
    if (code[at] === "(") open++
    if (code[at] === ")") open--
  }
  return at
}

/** Titles of tests and of groups of tests, placeholders as they are written. */
export const titlesOf = ({ code, text }: SourceFile): ReadonlyArray<string> =>
  // `test("…"`, and `test.each([…])("…"`.
  [...code.matchAll(/(?:\b(?:test|describe|it)|\))\s*\(\s*(["'`])/g)].map((match) => {
    const from = match.index + match[0].length
    const end = code.indexOf(match[1]!, from)
    return text.slice(from, end === -1 ? text.length : end)
  })

interface Row {
  readonly id: string
  readonly line: number
  readonly text: string
}

/** The rows of the tables whose first cell is an id. */
const rowsOf = (text: string): ReadonlyArray<Row> =>
  text.split("\n").flatMap((line, at) => {
    const id = /^\| *([A-Z]\d+) *\|/.exec(line)?.[1]
    return id === undefined ? [] : [{ id, line: at + 1, text: line }]
  })

const incomplete = (row: Row, references: ReadonlyArray<Reference>): ReadonlyArray<Finding> => {
  if (/\bnot covered\b/i.test(row.text)) return []
  const own = references.filter(({ line }) => line === row.line)
  const missing = [
    ...(own.some(({ watches }) => !watches) ? [] : ["what keeps it"]),
    ...(own.some(({ watches }) => watches) ? [] : ["what watches it"]),
  ]
  return missing.map((what) => ({
    path: PAGE,
    line: row.line,
    message: `${row.id} does not name ${what}, nor says that it is not covered`,
  }))
}

/** Each theme counts from 1 without a gap: a property that was dropped by mistake is missed. */
const outOfOrder = (rows: ReadonlyArray<Row>): ReadonlyArray<Finding> => {
  const counts = new Map<string, number>()
  return rows.flatMap(({ id, line }) => {
    const theme = id.charAt(0)
    const expected = `${theme}${(counts.get(theme) ?? 0) + 1}`
    counts.set(theme, Number(id.slice(1)))
    return id === expected ? [] : [{ path: PAGE, line, message: `${id} stands where ${expected} belongs` }]
  })
}

/** Ids behind the word HAZARDS in comments, and in the brackets of titles. */
const unknownIds = (rows: ReadonlyArray<Row>, files: ReadonlyArray<SourceFile>): ReadonlyArray<Finding> => {
  const known = new Set(rows.map(({ id }) => id))
  return files.flatMap((file) => {
    const comments = [...file.comments.matchAll(/HAZARDS ((?:[A-Z]\d+(?:, | and | to |–)?)+)/g)]
    const titles = titlesOf(file).flatMap((title) => [...title.matchAll(/\(([^()]*)\)/g)])
    const spoken = [...comments, ...titles].flatMap(([, ids = ""]) => ids.match(/\b[A-Z]\d{1,2}\b/g) ?? [])
    return [...new Set(spoken)]
      .filter((id) => !known.has(id))
      .map((id) => ({
        path: file.path,
        line: lineAt(file.text, file.text.indexOf(id)),
        message: `${id} is not explained in ${PAGE}`,
      }))
  })
}
