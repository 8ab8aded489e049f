// What if the log names code that is no longer in the actors directory? Every version that this node ever
// admitted commands with stays beside its state, so that a restart with an edited file replays old entries
// with the code that they were accepted for.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import { type ActorModule, versionOf } from "./bundle.ts"

/** Keeps the modules, and gives the earlier ones. Durable when it returns. Throws what the file system throws. */
export const archiveModules = (
  directory: string,
  modules: ReadonlyArray<ActorModule>,
): ReadonlyArray<ActorModule> => {
  mkdirSync(directory, { recursive: true })
  const kept = new Set(readdirSync(directory))
  const missing = modules.filter((module) => !kept.has(fileOf(module)))
  for (const module of missing) write(directory, module)
  if (missing.length > 0) syncDirectory(directory)
  const names = new Set(modules.map(fileOf))
  return prune(
    directory,
    [...kept].filter((file) => !names.has(file)),
  ).flatMap((file) => read(directory, file))
}

const fileOf = ({ name, version }: ActorModule): string => `${name}-${version}.js`

const read = (directory: string, file: string): ReadonlyArray<ActorModule> => {
  const [, name, version] = filePattern.exec(file) ?? []
  if (name === undefined || version === undefined) return []
  const code = readFileSync(join(directory, file), "utf8")
  // Torn or altered code must not run: it counts as missing.
  return versionOf(code) === version ? [{ name, version, code }] : []
}

const write = (directory: string, module: ActorModule): void => {
  const path = join(directory, fileOf(module))
  const descriptor = openSync(`${path}.part`, "w")
  try {
    writeSync(descriptor, module.code)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(`${path}.part`, path)
}

/** The oldest go when there are too many: an entry that still named one would be missed loudly. */
const prune = (directory: string, files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const newestFirst = files
    .filter((file) => filePattern.test(file))
    .map((file) => ({ file, changedAt: statSync(join(directory, file)).mtimeMs }))
    .sort((left, right) => right.changedAt - left.changedAt)
    .map(({ file }) => file)
  for (const file of newestFirst.slice(earlierMax)) rmSync(join(directory, file), { force: true })
  return newestFirst.slice(0, earlierMax)
}

const syncDirectory = (directory: string): void => {
  const descriptor = openSync(directory, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const filePattern = /^(.+)-([0-9a-f]{24})\.js$/
const earlierMax = 100
