// How much has a thread computed, and how much memory does a process hold? As far as the system tells: Linux does.

import { readFileSync } from "node:fs"

/** Null is what is not known, be it that the thread is gone. */
export interface Usage {
  /** Time for which the thread has had a CPU. */
  readonly cpuMillis: () => number | null
  /** Of the whole process. */
  readonly residentBytes: () => number | null
}

/** `serves` is `PID/task/TID`, or a process id alone. */
export const usageOf = (serves: string): Usage => ({
  cpuMillis: () => {
    const nanos = numberIn(`/proc/${serves}/schedstat`, 0)
    return nanos === null ? null : nanos / 1e6
  },
  residentBytes: () => {
    const pages = numberIn(`/proc/${Number.parseInt(serves, 10)}/statm`, 1)
    return pages === null || pageBytes === null ? null : pages * pageBytes
  },
})

/** The `at`th of the numbers of a file of one line. */
const numberIn = (path: string, at: number): number | null => {
  try {
    const number = Number.parseInt(readFileSync(path, "latin1").split(" ")[at] ?? "", 10)
    return Number.isNaN(number) ? null : number
  } catch {
    return null
  }
}

/** 4 KiB on most machines, 16 or 64 on some: what the kernel told this process at its start (getauxval(3)). */
const findPageBytes = (): number | null => {
  try {
    const told = new BigUint64Array(Uint8Array.from(readFileSync("/proc/self/auxv")).buffer)
    for (let at = 0; at + 1 < told.length; at += 2) {
      if (told[at] === pageSizeTag) return Number(told[at + 1])
    }
    return null
  } catch {
    return null
  }
}

const pageSizeTag = 6n
const pageBytes = findPageBytes()
