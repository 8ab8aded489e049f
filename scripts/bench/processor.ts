// Whose was the processor meanwhile? What the nodes took, and what others on this machine took from all of us. Of Linux alone:
// elsewhere nothing is known, and all is 0.

import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import type { BenchNode } from "./nodes.ts"

export interface Spent {
  /** Of all nodes and all their threads. */
  readonly nodesSeconds: number
  /** Part of all cores that neither the nodes nor this process had, from 0 to 1. */
  readonly othersPart: number
}

/** Says what was spent since it was called. */
export const spending = (nodes: ReadonlyArray<BenchNode>): (() => Spent) => {
  const before = counted(nodes)
  return () => {
    const now = counted(nodes)
    const nodesSeconds = now.nodes - before.nodes
    const mine = nodesSeconds + now.self - before.self
    const cores = ((now.at - before.at) / 1000) * availableParallelism()
    return { nodesSeconds, othersPart: Math.max(0, now.machine - before.machine - mine) / cores }
  }
}

/** In words, of several measurements. */
export const others = (spent: ReadonlyArray<Spent>): string =>
  `others had ${Math.round((spent.reduce((sum, { othersPart }) => sum + othersPart, 0) / spent.length) * 100)} % of the machine`

const counted = (nodes: ReadonlyArray<BenchNode>) => {
  const { user, system } = process.cpuUsage()
  return {
    at: performance.now(),
    self: (user + system) / 1e6,
    nodes: nodes.reduce((sum, node) => sum + processorSeconds(node), 0),
    machine: machineSeconds(),
  }
}

/** Processor time that a node has taken since it began, in all its threads. */
export const processorSeconds = ({ process: child }: BenchNode): number => {
  // Behind the name, which may hold anything: the 12th and 13th field are ticks in user and in kernel mode.
  const fields = (read(`/proc/${child?.pid}/stat`).split(") ")[1] ?? "").split(" ")
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND
}

/** In which the cores of the machine were not idle; waiting for the disk is idle. */
const machineSeconds = (): number => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = read("/proc/stat")
    .split("\n")[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
}

/** Of Linux, everywhere. */
const TICKS_PER_SECOND = 100

/** Empty: there is none, or whoever it tells of has ended meanwhile. */
export const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
