// How does a thread leave the processors to the rest of its node? By the priority that the system gives it.

import { readlinkSync } from "node:fs"
import { getPriority, setPriority } from "node:os"

/**
 * From now on the calling thread gets what the others leave: in a loop it would otherwise take as much as the thread
 * that must send heartbeats. Where a priority belongs to the whole process, as it does outside of Linux, nothing is done.
 */
export const giveWay = (niceness: number): void => {
  if (process.platform !== "linux") return
  try {
    const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync("/proc/thread-self")) ?? []
    if (thread !== undefined) setPriority(Number(thread), Math.min(getPriority() + niceness, 19))
  } catch {
    // It shares the processors as others do.
  }
}
