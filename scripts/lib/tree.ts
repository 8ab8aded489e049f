// Which files of the project do the rules look at, and how do they say what they found?

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type SourceFile, sourceFile } from "./SourceFile.ts"

export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
}

export const describeFinding = (finding: Finding): string =>
  `${finding.path}:${finding.line}: ${finding.message}`

/** All hand-written TypeScript. Generated code obeys its generator. */
export const readSources = (root: string): ReadonlyArray<SourceFile> =>
  list(root, "src/**/*.{ts,tsx}", "actors/**/*.{ts,tsx}", "scripts/**/*.ts", "test/**/*.{ts,tsx}")
    .filter((path) => !path.includes(".generated."))
    .map((path) => sourceFile(path, readFileSync(join(root, path), "utf8")))

export interface Page {
  readonly path: string
  readonly text: string
}

/** All that is written for people. */
export const readPages = (root: string): ReadonlyArray<Page> =>
  list(root, "*.md", "docs/**/*.md").map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))

/** Sorted, so that the same tree gives the same report. */
export const list = (root: string, ...patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: root })]).sort()
