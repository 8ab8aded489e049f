// Can a test have a disk so small that it fills it?

import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"

/** Mounts a file system of its own at `directory`, which is made. False: this user may not. */
export const mountSmall = (directory: string, size: string): boolean => {
  mkdirSync(directory, { recursive: true })
  const words = ["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]
  return (
    Bun.which("mount") !== null && Bun.spawnSync(words, { stdout: "ignore", stderr: "ignore" }).exitCode === 0
  )
}

/** Also when somebody still has a file of it open. */
export const unmountSmall = (directory: string): void => {
  Bun.spawnSync(["umount", "-l", directory])
}

const ballast = (directory: string): string => join(directory, "ballast")

/** Takes all the room that there is. */
export const fillDisk = (directory: string): void => {
  const file = openSync(ballast(directory), "a")
  try {
    for (;;) if (writeSync(file, new Uint8Array(1024)) < 1024) return
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error
  } finally {
    closeSync(file)
  }
}

/** Gives back what {@link fillDisk} took. */
export const freeDisk = (directory: string): void => rmSync(ballast(directory), { force: true })
