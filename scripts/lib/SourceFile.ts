// What is code, what is comment and what is text in a TypeScript file?
//
// The rules of `run check` look for words. A word in a string or in a comment is not a call, and the other
// way round, so each file is split once into layers of equal length: an offset means the same in all of them.

export interface SourceFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string
  readonly text: string
  /** The text with comments and the insides of strings, templates and patterns blanked. Line ends stay. */
  readonly code: string
  /** The text with all but the comments blanked. Line ends stay. */
  readonly comments: string
}

export const sourceFile = (path: string, text: string): SourceFile => {
  const { code, comments } = split(text)
  return { path, text, code, comments }
}

/** Counts from 1. */
export const lineAt = (text: string, offset: number): number => {
  let line = 1
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++
  return line
}

const split = (text: string): { readonly code: string; readonly comments: string } => {
  const code = blank(text)
  const comments = blank(text)
  /** Braces open in each `${…}` that we are inside of. */
  const braces: Array<number> = []
  /** What stood before, as far as it tells a pattern from a division. */
  let before = ""
  let at = 0

  const keep = (layer: Array<string>, end: number) => {
    for (; at < end; at++) layer[at] = text[at]!
  }
  const keepBefore = (end: number, mark: string) => {
    for (const [offset, character] of [...mark].entries()) code[end - mark.length + offset] = character
  }
  const template = () => {
    const { end, by } = templateEnd(text, at)
    at = end
    before = by === "${" ? "{" : "`"
    keepBefore(end, by)
    if (by === "${") braces.push(0)
  }

  if (text.startsWith("#!")) at = lineEnd(text, 0)
  while (at < text.length) {
    const character = text[at]!
    if (text.startsWith("//", at)) keep(comments, lineEnd(text, at))
    else if (text.startsWith("/*", at)) keep(comments, endOf(text, "*/", at + 2))
    else if (character === '"' || character === "'") {
      const end = quotedEnd(text, at, character)
      code[at] = character
      if (text[end - 1] === character) code[end - 1] = character
      at = end
      before = character
    } else if (character === "`") {
      code[at++] = character
      template()
    } else if (character === "}" && braces.at(-1) === 0) {
      braces.pop()
      code[at++] = character
      template()
    } else if (character === "/" && mayBeginPattern(before)) {
      const end = patternEnd(text, at)
      code[at] = character
      if (text[end - 1] === "/") code[end - 1] = "/"
      at = end
      before = "/"
    } else if (/[\w$]/.test(character)) {
      const end = wordEnd(text, at)
      before = text.slice(at, end)
      keep(code, end)
    } else {
      if (character === "{" && braces.length > 0) braces[braces.length - 1]!++
      if (character === "}" && braces.length > 0) braces[braces.length - 1]!--
      if (!/\s/.test(character)) before = character
      code[at] = character
      at++
    }
  }
  return { code: code.join(""), comments: comments.join("") }
}

const blank = (text: string): Array<string> => [...text.replace(/[^\n]/g, " ")]

/** After a value a slash divides; after an operator, a keyword or nothing it begins a pattern. */
const mayBeginPattern = (before: string): boolean =>
  /^[\w$]/.test(before) ? KEYWORDS_BEFORE_A_VALUE.has(before) : !VALUE_ENDS.has(before)

const VALUE_ENDS = new Set([")", "]", "}", '"', "'", "`", "/"])
const KEYWORDS_BEFORE_A_VALUE = new Set(
  "return typeof case in of delete void throw new else do yield await default".split(" "),
)

const endOf = (text: string, mark: string, from: number): number => {
  const found = text.indexOf(mark, from)
  return found === -1 ? text.length : found + mark.length
}

const lineEnd = (text: string, from: number): number => {
  const found = text.indexOf("\n", from)
  return found === -1 ? text.length : found
}

const wordEnd = (text: string, from: number): number => {
  let at = from
  while (at < text.length && /[\w$]/.test(text[at]!)) at++
  return at
}

/** One past the closing quote, or the end of the line that has none. */
const quotedEnd = (text: string, from: number, quote: string): number => {
  let at = from + 1
  while (at < text.length && text[at] !== "\n") {
    if (text[at] === quote) return at + 1
    at += text[at] === "\\" ? 2 : 1
  }
  return Math.min(at, text.length)
}

/** One past what ends it: the closing backtick, the next placeholder, or nothing at all where the text ends first. */
const templateEnd = (text: string, from: number): { readonly end: number; readonly by: "`" | "${" | "" } => {
  let at = from
  while (at < text.length) {
    if (text[at] === "`") return { end: at + 1, by: "`" }
    if (text.startsWith("${", at)) return { end: at + 2, by: "${" }
    at += text[at] === "\\" ? 2 : 1
  }
  return { end: text.length, by: "" }
}

/** One past the closing slash; a slash in a class does not close. */
const patternEnd = (text: string, from: number): number => {
  let inClass = false
  let at = from + 1
  while (at < text.length && text[at] !== "\n") {
    if (text[at] === "/" && !inClass) return at + 1
    if (text[at] === "[") inClass = true
    if (text[at] === "]") inClass = false
    at += text[at] === "\\" ? 2 : 1
  }
  return Math.min(at, text.length)
}
