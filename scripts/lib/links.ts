// Does every relative link in the docs, and every page that a comment names, lead somewhere?

import { existsSync, readFileSync, statSync } from "node:fs"
import { join, posix } from "node:path"
import { lineAt, type SourceFile } from "./SourceFile.ts"
import type { Finding, Page } from "./tree.ts"

export const brokenLinks = (
  root: string,
  pages: ReadonlyArray<Page>,
  files: ReadonlyArray<SourceFile>,
): ReadonlyArray<Finding> => [
  ...pages.flatMap((page) => brokenLinksOn(root, page)),
  ...files.flatMap((file) => pagesMissed(root, file)),
]

const brokenLinksOn = (root: string, page: Page): ReadonlyArray<Finding> => {
  const prose = withoutCode(page.text)
  // `[text](target "title")`, images, and `[name]: target` definitions.
  const links = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)[^)]*\)|^[ \t]*\[[^\]]+\]:[ \t]*<?(\S+?)>?\s*$/gm)]
  return links.flatMap((link) => {
    const target = link[1] ?? link[2]!
    const problem = problemOf(root, page, target)
    if (problem === null) return []
    return [{ path: page.path, line: lineAt(prose, link.index), message: `${target}: ${problem}` }]
  })
}

const problemOf = (root: string, page: Page, target: string): string | null => {
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(target)) return null
  const [file = "", anchor] = target.split("#")
  const path = file === "" ? page.path : posix.join(posix.dirname(page.path), decodeURIComponent(file))
  if (path.startsWith("..") || file.startsWith("/")) return "leads out of the project"
  if (!existsSync(join(root, path))) return "leads nowhere"
  if (anchor === undefined || !path.endsWith(".md") || statSync(join(root, path)).isDirectory()) return null
  const text = file === "" ? page.text : readFileSync(join(root, path), "utf8")
  return anchorsOf(text).has(anchor) ? null : "there is no such heading"
}

/** The ids that GitHub gives to headings. */
const anchorsOf = (text: string): ReadonlySet<string> => {
  const anchors = new Set<string>()
  for (const [, heading = ""] of withoutFences(text).matchAll(/^#{1,6}\s+(.+?)\s*#*\s*$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase()
    const slug = words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-")
    let unique = slug
    for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`
    anchors.add(unique)
  }
  return anchors
}

const blank = (text: string): string => text.replace(/[^\n]/g, " ")

const withoutFences = (text: string): string =>
  text.replace(/^[ \t]*(```+|~~~+)[^\n]*\n[\s\S]*?^[ \t]*\1[ \t]*$/gm, blank)

const withoutCode = (text: string): string => withoutFences(text).replace(/(`+)(?!`)[^\n]*?\1/g, blank)

const pagesMissed = (root: string, file: SourceFile): ReadonlyArray<Finding> =>
  [...file.comments.matchAll(/\bdocs\/[\w/.-]+\.md\b/g)]
    .filter((match) => !existsSync(join(root, match[0])))
    .map((match) => ({
      path: file.path,
      line: lineAt(file.comments, match.index),
      message: `${match[0]}: leads nowhere`,
    }))
