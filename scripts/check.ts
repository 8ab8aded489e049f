// Is the project as its rules want it? The gate: says what is wrong, and edits nothing.
//
//   bun run check [--no-tests]

import { existsSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { importCycles } from "./lib/cycles.ts"
import { wrongDirections } from "./lib/directions.ts"
import { hostWords, unusedPermissions } from "./lib/host.ts"
import { staleInvariants } from "./lib/invariants.ts"
import { leftovers } from "./lib/leftovers.ts"
import { brokenLinks } from "./lib/links.ts"
import { manifestFaults } from "./lib/manifest.ts"
import { runBun, runSteps, type Step } from "./lib/steps.ts"
import { describeFinding, type Finding, readPages, readSources } from "./lib/tree.ts"

const root = join(import.meta.dir, "..")

const main = async (): Promise<number> => {
  const options = parseOptions()
  if (options === null) {
    console.error("usage: bun run check [--no-tests]")
    return 2
  }
  const files = readSources(root)
  const pages = readPages(root)
  const failed = await runSteps(
    [
      tool(
        "format and lint",
        "node_modules/@biomejs/biome/bin/biome",
        "check",
        "--error-on-warnings",
        "--max-diagnostics=100",
      ),
      tool("types", "node_modules/typescript/bin/tsc", "--project", "."),
      tool("generated code", "scripts/proto.ts", "--check"),
      rule("room directions", () => wrongDirections(files)),
      rule("import circles", () => importCycles(files)),
      rule("host time and chance", () => [...hostWords(files), ...unusedPermissions(files)]),
      rule("left-overs", () => leftovers(files, pages)),
      rule("links", () => brokenLinks(root, pages, files)),
      rule("invariants", () => staleInvariants(pages, files)),
      rule("versions and dependencies", () => manifestFaults(root)),
    ],
    console.log,
  )
  // After the others: tests measure time, and two cores are soon full.
  const red = options.tests ? [...failed, ...(await runSteps([tool("tests", "test")], console.log))] : failed
  console.log(red.length === 0 ? "check: all good" : `check: ${red.join(", ")} failed`)
  return red.length === 0 ? 0 : 1
}

const parseOptions = (): { readonly tests: boolean } | null => {
  try {
    const { values } = parseArgs({ options: { "no-tests": { type: "boolean", default: false } } })
    return { tests: !values["no-tests"] }
  } catch {
    return null
  }
}

const tool = (name: string, ...args: ReadonlyArray<string>): Step => ({
  name,
  run: async () => {
    const file = args[0] ?? ""
    if (file.includes("/") && !existsSync(join(root, file))) {
      return { passed: false, output: `${file} is missing` }
    }
    return await runBun(root, args)
  },
})

const rule = (name: string, look: () => ReadonlyArray<Finding>): Step => ({
  name,
  run: () => {
    const findings = look()
    return { passed: findings.length === 0, output: findings.map(describeFinding).join("\n") }
  },
})

process.exit(await main())
