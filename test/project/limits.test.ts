// Are the limits those that the docs say? (docs/DEPLOYING.md, "Limits")

import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "../..")
const page = readFileSync(join(root, "docs/DEPLOYING.md"), "utf8")

interface Row {
  readonly limit: string
  readonly said: string
  readonly file: string
  readonly constant: string
}

const rows = page
  .slice(page.indexOf("\n## Limits\n"))
  .split("\n")
  .filter((line) => /^\| (?!limit|---)/.test(line))
  .map((line): Row => {
    const [limit = "", said = "", , constant = ""] = line
      .split(" | ")
      .map((cell) => cell.replace(/^\| | \|$/g, ""))
    const [, file = "", name = ""] = /^`(.+)` `(.+)`$/.exec(constant) ?? []
    return { limit, said, file, constant: name }
  })

/** `1 MiB` → 1048576, `1.5 s` → 1500, `10,000 per node` → 10000. */
const amount = (said: string): number => {
  const [, number = "", unit = ""] = /^([\d.,]+)(?: (KiB|MiB|ms|s)\b)?/.exec(said) ?? []
  const sizes: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024, s: 1000 }
  return Number(number.replaceAll(",", "")) * (sizes[unit] ?? 1)
}

test("each row names a constant, and no constant stands there twice", () => {
  expect(rows.length).toBeGreaterThan(30)
  expect(rows.filter(({ file, constant }) => file === "" || constant === "")).toEqual([])
  expect(new Set(rows.map(({ file, constant }) => `${file} ${constant}`)).size).toBe(rows.length)
})

test.each(rows)("$limit: $said", async ({ said, file, constant }) => {
  const module: unknown = await import(join(root, "src", file))
  const value = constant
    .split(".")
    .reduce<unknown>((holder, name) => Reflect.get(Object(holder), name), module)
  expect(value).toBe(amount(said))
})

test("all limits of the machine that decide an outcome stand there", async () => {
  const { defaultLimits } = await import("../../src/machine/limits.ts")
  const said = new Set(rows.map(({ constant }) => constant))
  // What decides how much memory is used, or how much an entry carries, and nothing that anybody sees.
  const ours = ["cacheBytesMax", "dirtyBytesMax", "dirtyInstancesMax", "portionLengthMax"]
  const missing = Object.keys(defaultLimits).filter(
    (name) => !said.has(`defaultLimits.${name}`) && !ours.includes(name),
  )
  expect(missing).toEqual([])
})
