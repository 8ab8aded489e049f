// What may a file of an actor import, and where does it import something else?

import { readFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, relative } from "node:path"
import { closedPathOf } from "./realm/effectModules.ts"
import { adviceFor } from "./realm/forbidden.ts"
import { hostModule, hostScheme } from "./realm/hostModules.ts"

/** Watches one bundle being made. */
export class Imports {
  readonly #root: string
  readonly #textOf: (file: string) => string
  readonly #isAlone: boolean
  readonly #files = new Set<string>()
  readonly #refusals = new Set<string>()

  /** `source`: the text of an entry that is no file; nothing but the host's modules may then be imported. */
  constructor(entry: string, source?: string) {
    this.#root = entry
    this.#isAlone = source !== undefined
    this.#textOf = (file) => source ?? readFileSync(file, "utf8")
  }

  get refusals(): ReadonlyArray<string> {
    return [...this.#refusals]
  }

  /** Undefined leaves it to the bundler. */
  resolve({ importer, kind, path }: Bun.OnResolveArgs): Bun.OnResolveResult | undefined {
    if (kind.startsWith("entry-point")) return undefined
    const reason = this.#objection(path, kind)
    if (reason !== null) this.#refuse(importer, quoted(path), `imports ${path}: ${reason}`)
    const isHosts = hostModule(path) !== undefined
    if (reason === null && !isHosts) return ownHono(path, importer)
    return { path: `${hostScheme}${path}`, external: true }
  }

  /** A file is about to be read: what is neither code nor data would come to lie beside the bundle. */
  load({ loader, path }: Bun.OnLoadArgs): undefined {
    this.#files.add(path)
    // What the bundler does not know at all it announces as JavaScript.
    const isKnown = loader === "js" ? /\.[cm]?js$/.test(path) : loaders.has(loader)
    if (!isKnown) this.#refusals.add(`${this.#place(path)}is neither code nor data`)
  }

  /** Words that the bundler was told to mark, because what they stand for differs from machine to machine. */
  finish(code: string): void {
    for (const { mark, pattern, word } of marked) {
      if (!code.includes(mark)) continue
      const file = [...this.#files].find((one) => pattern.test(this.#textOf(one))) ?? this.#root
      this.#refuse(file, pattern, `uses ${word}: ${anything}`)
    }
    if (this.#isAlone) this.#refuseClosed(code)
  }

  /**
   * What of effect is closed to reducers says so on use. What is uploaded hears of it at once: it is nothing but
   * reducers; a file of the operator's may use it in its `leading`.
   */
  #refuseClosed(code: string): void {
    for (const [, variable, family] of code.matchAll(hostsVariable)) {
      const used = new RegExp(String.raw`(?<![\w$.])${RegExp.escape(variable!)}\.(\w+)(?:\.(\w+))?`, "g")
      for (const [, name, member] of code.matchAll(used)) {
        const path = closedPathOf(`${family}/${name}`, member)
        if (path !== null)
          this.#refuse(
            this.#root,
            new RegExp(String.raw`\b${name}\b`),
            `uses ${path}, which is closed to reducers: ${adviceFor(path)}`,
          )
      }
    }
  }

  #objection(path: string, kind: Bun.ImportKind): string | null {
    if (kind === "dynamic-import") return "a reducer is synchronous: import it at the top of the file"
    if (kind === "require-resolve" || kind === "url-token") return anything
    if (hostModule(path) !== undefined) {
      const closed = this.#isAlone ? closedPathOf(path) : null
      return closed === null ? null : `closed to reducers: ${adviceFor(closed)}`
    }
    if (path === "raftlet/client") return "of that, types alone (import type): routes have ctx.cluster()"
    if (path === "raftlet/testing") return "that is for tests alone"
    if (/^raftlet(?:\/|$)/.test(path)) return "raftlet exports no such thing to actors"
    if (/^effect(?:\/|$)/.test(path))
      return "of effect, reducers have what effect itself and effect/encoding export"
    if (isBuiltin(path) || /^[\w-]+:/.test(path)) return anything
    return this.#isAlone ? "an uploaded module is one file, which imports raftlet and effect alone" : null
  }

  #refuse(file: string, pattern: RegExp, what: string): void {
    this.#refusals.add(`${this.#place(file, lineOf(this.#textOf(file), pattern))}${what}`)
  }

  /** The entry is named by whoever reports it. */
  #place(file: string, line: number | null = null): string {
    const names = file === this.#root ? [] : [relative(dirname(this.#root), file)]
    return [...names, ...(line === null ? [] : [`line ${line}`])].map((part) => `${part} `).join("")
  }
}

/** For the bundler's `define`. */
export const definitions = (): Readonly<Record<string, string>> =>
  Object.fromEntries(marked.map(({ mark, word }) => [word, mark]))

/** As the bundler writes an import of a whole family: `import_effect=require("raftlet-host:effect")`. */
const hostsVariable = new RegExp(
  String.raw`(?<![\w$.])([\w$]+)=(?:__toESM\()?require\("${hostScheme}(effect(?:/encoding)?)"\)`,
  "g",
)

const marked = ["import.meta", "__dirname", "__filename"].map((word) => ({
  word,
  mark: `raftlet_marked_${word.replace(".", "_")}`,
  pattern: new RegExp(String.raw`(?<![.\w$])${word.replace(".", String.raw`\s*\.\s*`)}\b`),
}))

const lineOf = (text: string, pattern: RegExp): number | null => {
  const found = pattern.exec(text)
  return found === null ? null : text.slice(0, found.index).split("\n").length
}

const quoted = (path: string): RegExp => new RegExp(`(["'\`])${RegExp.escape(path)}\\1`)

const loaders: ReadonlySet<string> = new Set("jsx ts tsx json jsonc json5 toml yaml text".split(" "))
/** What `routes` are made of, most likely: whoever has it not gets this package's own. Undefined: the bundler finds it, or not. */
const ownHono = (path: string, importer: string): Bun.OnResolveResult | undefined => {
  if (!/^hono(?:\/|$)/.test(path) || isFound(path, dirname(importer))) return undefined
  return isFound(path, import.meta.dir) ? { path: Bun.resolveSync(path, import.meta.dir) } : undefined
}

const isFound = (path: string, from: string): boolean => {
  try {
    return Bun.resolveSync(path, from) !== ""
  } catch {
    return false
  }
}

const anything = "reducers reach nothing but their state, input and ctx"
