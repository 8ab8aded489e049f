// Do files import each other in a circle? Such files are one file, and cannot be read or tested alone.

import { importsOf } from "./imports.ts"
import type { SourceFile } from "./SourceFile.ts"
import type { Finding } from "./tree.ts"

/** One finding per circle. Types count: a circle of types is a missing third file too. */
export const importCycles = (files: ReadonlyArray<SourceFile>): ReadonlyArray<Finding> => {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file).flatMap(({ target, line }) => (target === null ? [] : [{ target, line }])),
    ]),
  )
  const findings: Array<Finding> = []
  const done = new Set<string>()
  const trail: Array<string> = []

  const visit = (path: string): void => {
    trail.push(path)
    for (const { target, line } of edges.get(path) ?? []) {
      const since = trail.indexOf(target)
      if (since !== -1) {
        const circle = [...trail.slice(since), target].join(" → ")
        findings.push({
          path,
          line,
          message: `imports in a circle: ${circle}; what both need belongs below them`,
        })
      } else if (!done.has(target)) visit(target)
    }
    trail.pop()
    done.add(path)
  }

  for (const path of edges.keys()) if (!done.has(path)) visit(path)
  return findings
}
