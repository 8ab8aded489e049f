// Small trees on which the rules must go red.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type SourceFile, sourceFile } from "../../scripts/lib/SourceFile.ts"

export type Tree = Readonly<Record<string, string>>

export const sources = (tree: Tree): ReadonlyArray<SourceFile> =>
  Object.entries(tree).map(([path, text]) => sourceFile(path, text))

/** A folder of its own for one test; `[Symbol.dispose]` removes it. */
export interface Folder extends Disposable {
  readonly path: string
}

export const folder = (tree: Tree = {}): Folder => {
  const path = mkdtempSync(join(tmpdir(), "raftlet-project-"))
  writeTree(path, tree)
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export const writeTree = (root: string, tree: Tree): void => {
  for (const [name, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text, { mode: text.startsWith("#!") ? 0o755 : 0o644 })
  }
}
