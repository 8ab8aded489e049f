// Can a text that is uploaded harm the node while it is bundled?

import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Result } from "effect"
import { bundleSource } from "../../src/machine/bundle.ts"
import { bundleApart, bundleWithin, memoryBytesMax } from "../../src/machine/bundleApart.ts"

// A busy machine may take long for what is usually quick.
setDefaultTimeout(60_000)

const bundled = (source: string) => Effect.runPromise(Effect.result(bundleApart({ name: "a", source })))
const reasonOf = (made: Awaited<ReturnType<typeof bundled>>): string =>
  Result.isFailure(made) ? made.failure.message : "it was bundled"

test("in a process of its own it comes to the same version as here", async () => {
  const source = 'import { Schema } from "effect"\nexport default Schema.Int'
  const here = await Effect.runPromise(bundleSource({ name: "a", source }))
  expect(Result.getOrThrow(await bundled(source))).toEqual(here)
  expect(reasonOf(await bundled('import "node:fs"'))).toContain("line 1 imports node:fs")
})

test("constants that double thirty times fill the memory of that process, and it ends alone", async () => {
  const doubled = Array.from({ length: 30 }, (_, at) => `b${at + 1} = b${at} + b${at}`)
  const bomb = `enum E { b0 = "0123456789", ${doubled.join(", ")} }\nexport default E.b30`
  expect(reasonOf(await bundled(bomb))).toBe("a: to bundle it takes too much memory")
  expect(reasonOf(await bundled("export default 1"))).toBe("it was bundled")
})

test("what takes too long is refused, and says so", async () => {
  const source = `${"function q(){var q;q()}".repeat(30_000)}\nexport default 1`
  const limits = { millisMax: 1, memoryBytesMax }
  const made = await Effect.runPromise(Effect.result(bundleWithin(limits, { name: "a", source })))
  // Where others have the CPU it is not the source's doing.
  expect(reasonOf(made)).toMatch(
    /^a: (?:to bundle it takes too long$|it cannot be bundled here: no answer after )/,
  )
})

test.each([
  ["brackets", `export default ${"[".repeat(300_000)}`],
  ["templates", `export default ${"`${".repeat(100_000)}`],
  ["signs", `export default ${"!".repeat(900_000)}1`],
])("%s without end are a text that cannot be bundled, and no more", async (_, source) => {
  expect(reasonOf(await bundled(source))).toContain("a: ")
})
