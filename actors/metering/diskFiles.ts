// How does a file come to lie on a disk, whole or not at all? Written beside its place, synced, and given its name there.

import { Effect } from "effect"
import { FileFailed, type Files, inName, type OpenFiles, type Texts } from "./files.ts"

const safeMax = 1000

/**
 * In the directory `RAFTLET_METERING_DIR`, which all nodes may share; without it in `metering` of the node's own data
 * directory.
 */
export const openDiskFiles: OpenFiles = ({ node, group, term }) =>
  attempt("", async () => {
    const { dirname, join, resolve } = process.getBuiltinModule("node:path")
    const { mkdir, rm } = process.getBuiltinModule("node:fs/promises")
    const { RAFTLET_METERING_DIR: directory, RAFTLET_DATA: data } = process.env
    if (!directory && !data) throw new Error("neither RAFTLET_METERING_DIR nor RAFTLET_DATA says where")
    const root = resolve(directory || join(data ?? "", "metering"))
    // Nobody else's: what an earlier leadership of this group has left unfinished on this node goes.
    const earlier = join(root, ".unfinished", inName(node), inName(group))
    const drafts = join(earlier, String(term))
    await rm(earlier, { recursive: true, force: true })
    await mkdir(drafts, { recursive: true })
    await sync(dirname(root))
    let count = 0
    /** Directories whose own names are safe, as far as this leadership knows. */
    const safe = new Set([root])
    const putAll = async (texts: Texts): Promise<void> => {
      const directories = new Set<string>()
      for (const [path, text] of Object.entries(texts)) {
        const place = join(root, path)
        const directory = dirname(place)
        directories.add(directory)
        await mkdir(directory, { recursive: true })
        if (!(await isThere(place, text))) await write(join(drafts, String(++count)), place, text)
      }
      // Also where all was there: whoever wrote it may have died before its name was safe.
      for (const directory of directories) {
        await sync(directory)
        for (let at = directory; !safe.has(at); at = dirname(at)) {
          await sync(dirname(at))
          if (safe.size > safeMax) safe.clear()
          safe.add(root).add(at)
        }
      }
    }
    const files: Files = {
      put: (texts) => attempt(Object.keys(texts)[0] ?? "", () => putAll(texts)),
    }
    return files
  })

const write = async (draft: string, place: string, text: string): Promise<void> => {
  const { link, open, rename, rm } = process.getBuiltinModule("node:fs/promises")
  const file = await open(draft, "w")
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    // Unlike a move, it takes the place of nothing that has come there meanwhile.
    await link(draft, place)
  } catch (cause) {
    const code = codeOf(cause)
    // A file system that has no links.
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS") await rename(draft, place)
    else if (code !== "EEXIST" || !(await isThere(place, text))) throw cause
  } finally {
    await rm(draft, { force: true })
  }
}

/** Throws when there is something else. */
const isThere = async (place: string, text: string): Promise<boolean> => {
  const { readFile, stat } = process.getBuiltinModule("node:fs/promises")
  try {
    // Whoever reads a pipe waits for ever.
    const isFile = (await stat(place)).isFile()
    if (isFile && (await readFile(place, "utf8")) === text) return true
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return false
    throw cause
  }
  throw new Error(
    "there is another file of this name, and nothing was changed: does another cluster write here?",
  )
}

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : null)

const sync = async (directory: string): Promise<void> => {
  const { open } = process.getBuiltinModule("node:fs/promises")
  const opened = await open(directory, "r")
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, FileFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      new FileFailed({ path, message: `${path}: ${cause instanceof Error ? cause.message : cause}` }),
  })
