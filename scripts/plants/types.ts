// Does the compiler take each bug for good code? A patch that is no program is caught by nobody's merit.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runBun } from "../lib/steps.ts"
import { filesOf, type Plant, withBug } from "./Plant.ts"

/** What the compiler says of a plant; empty when it has nothing to say. */
export const typeErrorsOf = async (root: string, plants: ReadonlyArray<Plant>) => {
  const copy = mkdtempSync(join(tmpdir(), "raftlet-plants-"))
  try {
    for (const name of ["src", "package.json"])
      cpSync(join(root, name), join(copy, name), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
    writeFileSync(join(copy, "tsconfig.json"), JSON.stringify(configuration(root)))
    const plain = await compile(root, copy)
    if (plain !== "") return new Map([["without any bug", plain]])
    const errors = new Map<string, string>()
    for (const plant of plants) errors.set(plant.id, await errorsOf(root, copy, plant))
    return errors
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const errorsOf = async (root: string, copy: string, plant: Plant): Promise<string> => {
  const files = filesOf(plant).map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }))
  for (const { file, text } of files) writeFileSync(join(copy, file), withBug(plant, file, text))
  const errors = await compile(root, copy)
  for (const { file, text } of files) writeFileSync(join(copy, file), text)
  return errors
}

const compile = async (root: string, copy: string): Promise<string> => {
  const { passed, output } = await runBun(root, ["node_modules/typescript/bin/tsc", "--project", copy])
  return passed ? "" : output
}

/** What a bug no longer uses is no mistake of the patch. */
const configuration = (root: string): object => {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"))
  return {
    compilerOptions: { ...compilerOptions, noUnusedLocals: false, noUnusedParameters: false },
    include: ["src"],
  }
}
