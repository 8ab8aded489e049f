// Are code, comments and text told apart? All other rules stand on this.

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { importsOf } from "../../scripts/lib/imports.ts"
import { lineAt, sourceFile } from "../../scripts/lib/SourceFile.ts"
import { list } from "../../scripts/lib/tree.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(30_000)

const code = (text: string) => sourceFile("a.ts", text).code
const comments = (text: string) => sourceFile("a.ts", text).comments

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are programs
describe("the layers of a file", () => {
  test.each([
    ['f("Date.now()") // Date', 'f("          ")        '],
    ["f('it\\'s Date') + 1", "f('          ') + 1"],
    ["a /* Date */ + b", "a            + b"],
    ["`Date ${ Date } Date`", "`     ${ Date }     `"],
    ["`${ { a: `${x} Date` } } y` + z", "`${ { a: `${x}     ` } }  ` + z"],
    ["x = /Date[/]Date/g.test(y)", "x = /           /g.test(y)"],
    ["a / b / Date", "a / b / Date"],
    ["return /Date/", "return /    /"],
    ["(a) / Date / b", "(a) / Date / b"],
    ["#!/usr/bin/env Date\nx", "                   \nx"],
    ['"unclosed\nDate', '"        \nDate'],
    ["/* unclosed Date", "                "],
  ])("the code of %j", (text, expected) => {
    expect(code(text)).toBe(expected)
  })

  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: these were programs
  test("the comments are all that is left of a file of comments", () => {
    expect(comments('a("// no") // yes\n/* yes\n */ b')).toBe("           // yes\n/* yes\n */  ")
  })

  test("a template that nothing ends is blank to the end, whatever it ends with", () => {
    const code = (text: string) => sourceFile("a.ts", text).code
    expect(code("`\n{")).toBe("`\n ")
    expect(code("`a\\${")).toBe("`    ")
    expect(code("`a\\`")).toBe("`   ")
    expect(code("`a${b")).toBe("` ${b")
  })

  test("any text at all gives layers of its own length with its own line ends", () => {
    const pieces = fc.constantFrom(
      "`",
      "${",
      "}",
      "{",
      "/",
      "*",
      "//",
      "/*",
      "*/",
      '"',
      "'",
      "\\",
      "\n",
      "a",
      "😀",
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const text = parts.join("")
        const file = sourceFile("a.ts", text)
        const ends = (layer: string) => [...layer.matchAll(/\n/g)].map((match) => match.index)
        for (const layer of [file.code, file.comments]) {
          expect(layer.length).toBe(text.length)
          expect(ends(layer)).toEqual(ends(text))
        }
      }),
    )
  })

  test("a line counts from 1", () => {
    expect([0, 1, 2, 3, 4].map((offset) => lineAt("a\nb\n\n", offset))).toEqual([1, 1, 2, 2, 3])
  })

  // Bun's own parser is the judge: what it still imports once types are gone, we have seen too.
  test("no import that Bun sees in effect's own sources is missed", () => {
    const root = join(import.meta.dir, "../../node_modules/effect/src")
    const transpiler = new Bun.Transpiler({ loader: "ts" })
    const paths = list(root, "*.ts")
    expect(paths.length).toBeGreaterThan(50)
    for (const path of paths) {
      const text = readFileSync(join(root, path), "utf8")
      const seen = new Set(importsOf(sourceFile(path, text)).map(({ specifier }) => specifier))
      const missed = transpiler.scanImports(text).filter((one) => !seen.has(one.path))
      expect({ path, missed }).toEqual({ path, missed: [] })
    }
  })
})
