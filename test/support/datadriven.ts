// How are the datadriven test files of etcd-io/raft read? Blocks of a command with arguments, its input lines,
// `----`, and the expected answer up to an empty line.

import { readFileSync } from "node:fs"

export interface Case {
  /** `file:line`, to find it again. */
  readonly where: string
  readonly command: string
  /** `name=(a, b)` and `name=a` become name → values; a bare `name` has none. */
  readonly arguments: ReadonlyMap<string, ReadonlyArray<string>>
  readonly input: ReadonlyArray<string>
  readonly expected: ReadonlyArray<string>
}

export const readCases = (path: string): ReadonlyArray<Case> => {
  const lines = readFileSync(path, "utf8").split("\n")
  const cases: Array<Case> = []
  let at = 0
  const takeWhile = (isTaken: (line: string) => boolean): ReadonlyArray<string> => {
    const from = at
    while (at < lines.length && isTaken(lines[at]!)) at++
    return lines.slice(from, at)
  }
  while (true) {
    takeWhile((line) => line.trim() === "" || line.startsWith("#"))
    if (at >= lines.length) return cases
    const where = `${path.split("/").at(-1)}:${at + 1}`
    const [command, ...words] = splitWords(lines[at++]!)
    const input = takeWhile((line) => line !== "----")
    at++
    const expected = takeWhile((line) => line.trim() !== "")
    cases.push({ where, command: command!, arguments: new Map(words.map(argumentOf)), input, expected })
  }
}

/** At spaces, but not within parentheses. */
const splitWords = (line: string): ReadonlyArray<string> => line.match(/[^\s(]+(\([^)]*\))?/g) ?? []

const argumentOf = (word: string): [string, ReadonlyArray<string>] => {
  const [name, value] = word.split("=") as [string, string | undefined]
  if (value === undefined) return [name, []]
  const list = value.replace(/^\(|\)$/g, "")
  return [name, list === "" ? [] : list.split(",").map((one) => one.trim())]
}
