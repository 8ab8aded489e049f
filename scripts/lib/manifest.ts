// Do the files that name versions and dependencies agree with each other?

import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Finding, readPages } from "./tree.ts"

interface Manifest {
  readonly packageManager?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export const manifestFaults = (root: string): ReadonlyArray<Finding> => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest
  return [
    ...versionFaults(manifest).map((message) => ({ path: "package.json", line: 1, message })),
    ...scriptFaults(root, manifest).map((message) => ({ path: "package.json", line: 1, message })),
    ...undecided(root, manifest).map((message) => ({ path: "package.json", line: 1, message })),
    ...hostsInLock(root),
  ]
}

const versionFaults = (manifest: Manifest): ReadonlyArray<string> => {
  const bun = /^bun@(\d+\.\d+\.\d+)$/.exec(manifest.packageManager ?? "")?.[1]
  if (bun === undefined) return ["packageManager must pin Bun exactly: bun@X.Y.Z"]
  const all = { ...manifest.dependencies, ...manifest.devDependencies }
  return [
    ...(manifest.engines?.bun === `>=${bun}` ? [] : [`engines.bun must be >=${bun}, as packageManager says`]),
    ...(all["@types/bun"] === bun ? [] : [`@types/bun must be ${bun}, as packageManager says`]),
    ...Object.entries(all)
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${name} is ${version}: name one exact version`),
  ]
}

const scriptFaults = (root: string, manifest: Manifest): ReadonlyArray<string> =>
  Object.entries(manifest.scripts ?? {}).flatMap(([name, command]) => {
    const file = /^bun (\S+\.ts)\b/.exec(command)?.[1]
    return file === undefined || existsSync(join(root, file))
      ? []
      : [`the script ${name} runs ${file}, which does not exist`]
  })

/** Few dependencies, each with a line that says why. */
const undecided = (root: string, manifest: Manifest): ReadonlyArray<string> => {
  const decisions = readPages(root)
    .filter((page) => page.path.startsWith("docs/decisions/"))
    .map((page) => page.text)
    .join("\n")
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => !decisions.includes(`\`${name}\``))
    .map((name) => `no page in docs/decisions/ says why \`${name}\` is needed`)
}

// Whoever installs asks their own registry: a host in the lock file would ask somebody else's.
const hostsInLock = (root: string): ReadonlyArray<Finding> => {
  if (!existsSync(join(root, "bun.lock"))) {
    return [
      { path: "bun.lock", line: 1, message: "is missing: what is installed must be the same everywhere" },
    ]
  }
  return readFileSync(join(root, "bun.lock"), "utf8")
    .split("\n")
    .flatMap((text, index) =>
      /https?:\/\//.test(text) ? [{ path: "bun.lock", line: index + 1, message: "names a host" }] : [],
    )
}
