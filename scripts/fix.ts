// What can a machine put right by itself? Formatting, imports, the linter's safe fixes, generated code.
//
//   bun run fix

import { join } from "node:path"
import { runBun, runSteps } from "./lib/steps.ts"

if (process.argv.length > 2) {
  const asked = process.argv.slice(2).some((word) => word === "--help" || word === "-h")
  const usage =
    "bun run fix: formats, applies the linter's safe fixes, generates code anew. It takes no arguments."
  ;(asked ? console.log : console.error)(usage)
  process.exit(asked ? 0 : 2)
}

const root = join(import.meta.dir, "..")

// One after the other: both write.
const failed = [
  ...(await runSteps(
    [{ name: "generated code", run: () => runBun(root, ["scripts/proto.ts"]) }],
    console.log,
  )),
  ...(await runSteps(
    [
      {
        name: "format and lint",
        run: () => runBun(root, ["node_modules/@biomejs/biome/bin/biome", "check", "--write"]),
      },
    ],
    console.log,
  )),
]
process.exit(failed.length === 0 ? 0 : 1)
