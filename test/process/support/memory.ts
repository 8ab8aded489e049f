// How much memory does another process take while something goes on?

import { readFileSync } from "node:fs"

const everyMillis = 20

/** Resident bytes now. Linux only. */
export const residentBytes = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8")
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

/** What `body` gives, and the highest of what was seen meanwhile. */
export const highestWhile = async <A>(
  pid: number,
  body: () => Promise<A>,
): Promise<{ readonly value: A; readonly highest: number }> => {
  let highest = residentBytes(pid)
  const timer = setInterval(() => {
    highest = Math.max(highest, residentBytes(pid))
  }, everyMillis)
  try {
    const value = await body()
    return { value, highest }
  } finally {
    clearInterval(timer)
  }
}
