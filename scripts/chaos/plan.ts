// What goes wrong, in which order, and for how long? Drawn from the seed alone: who leads is only known then.

import { Random } from "../../test/consensus/Random.ts"
import type { Link, Weather } from "./Network.ts"

export const faultKinds = [
  "kill one",
  "kill leader",
  "kill minority",
  "kill all",
  "pause one",
  "pause leader",
  "partition",
  "one way",
  "bridge",
  "isolate leader",
  "loss",
  "delay",
] as const

export type FaultKind = (typeof faultKinds)[number]

interface Common {
  readonly kind: FaultKind
  /** All nodes; those that it is about stand first. */
  readonly order: ReadonlyArray<string>
  /** Whoever leads when it begins is moved to the front. */
  readonly leaderFirst: boolean
}

export type Fault =
  /** The first `count` are killed with SIGKILL, and started again at the end. */
  | (Common & { readonly type: "Kill"; readonly count: number })
  /** SIGSTOP, and SIGCONT at the end. */
  | (Common & { readonly type: "Pause"; readonly count: number })
  | (Common & { readonly type: "Cut"; readonly shape: "both" | "outward" | "inward"; readonly count: number })
  /** The first one sees all others, who are two halves that do not see each other. */
  | (Common & { readonly type: "Bridge" })
  | (Common & { readonly type: "Loss"; readonly percent: number })
  | (Common & { readonly type: "Delay"; readonly millis: number })

/** Faults that begin together and end together. */
export interface Spell {
  readonly faults: ReadonlyArray<Fault>
  /** Before it all is well for so long. */
  readonly calmMillis: number
  readonly millis: number
}

export interface PlanOptions {
  readonly seed: number
  readonly ids: ReadonlyArray<string>
  /** Whether the network can slow its links down. */
  readonly delays: boolean
}

/** Without end. Every kind comes once before one comes again; one spell in four has a second fault beside it. */
export function* spells({ seed, ids, delays }: PlanOptions): Generator<Spell, never> {
  const random = new Random(seed)
  const kinds = faultKinds.filter((kind) => delays || kind !== "delay")
  while (true) {
    for (const kind of shuffled(random, kinds)) {
      const fault = draw(random, kind, ids)
      const isAll = kind === "kill all"
      const companions = kinds.filter(
        (other) => isOfProcess(other) !== isOfProcess(kind) && other !== "kill all",
      )
      const isDouble = !isAll && random.chance(0.25)
      yield {
        faults: isDouble ? [fault, draw(random, random.pick(companions), ids)] : [fault],
        calmMillis: random.between(800, 2000),
        millis: isAll ? random.between(200, 800) : random.between(1500, 5000),
      }
    }
  }
}

/** Who it is about, now that it is known who leads. */
export const withLeader = <F extends Fault>(fault: F, leader: string | null): F =>
  fault.leaderFirst && leader !== null
    ? { ...fault, order: [leader, ...fault.order.filter((id) => id !== leader)] }
    : fault

/** What the faults make of the network, once it is known who leads. */
export const weatherOf = (faults: ReadonlyArray<Fault>): Weather => ({
  cut: faults.flatMap(cutBy),
  lossPercent: Math.max(0, ...faults.map((fault) => (fault.type === "Loss" ? fault.percent : 0))),
  delayMillis: Math.max(0, ...faults.map((fault) => (fault.type === "Delay" ? fault.millis : 0))),
})

export const describeFault = (fault: Fault): string => {
  switch (fault.type) {
    case "Kill":
      return `kill -9 ${fault.order.slice(0, fault.count).join(", ")} (${fault.kind})`
    case "Pause":
      return `SIGSTOP ${fault.order.slice(0, fault.count).join(", ")} (${fault.kind})`
    case "Cut": {
      const [few, many] = sides(fault).map((side) => side.join(", "))
      const arrow = { both: "and", outward: "to", inward: "from" }[fault.shape]
      return `no way ${fault.shape === "both" ? "between " : ""}${few} ${arrow} ${many} (${fault.kind})`
    }
    case "Bridge": {
      const [left, right] = halves(fault).map((half) => half.join(", "))
      return `only ${fault.order[0]} between ${left} and ${right} (${fault.kind})`
    }
    case "Loss":
      return `${fault.percent} % loss on every link (${fault.kind})`
    case "Delay":
      return `${fault.millis} ms on every link (${fault.kind})`
  }
}

const draw = (random: Random, kind: FaultKind, ids: ReadonlyArray<string>): Fault => {
  const minority = Math.floor((ids.length - 1) / 2)
  const common = { kind, order: shuffled(random, ids), leaderFirst: kind.endsWith("leader") }
  switch (kind) {
    case "kill one":
    case "kill leader":
      return { ...common, type: "Kill", count: 1 }
    case "kill minority":
      return { ...common, type: "Kill", count: minority, leaderFirst: random.chance(0.5) }
    case "kill all":
      return { ...common, type: "Kill", count: ids.length }
    case "pause one":
    case "pause leader":
      return { ...common, type: "Pause", count: 1 }
    case "partition":
      return { ...common, type: "Cut", shape: "both", count: random.between(1, minority) }
    case "isolate leader":
      return { ...common, type: "Cut", shape: "both", count: 1 }
    case "one way": {
      const shape = random.pick(["outward", "inward"] as const)
      const count = random.between(1, minority)
      return { ...common, type: "Cut", shape, count, leaderFirst: random.chance(0.5) }
    }
    case "bridge":
      return { ...common, type: "Bridge", leaderFirst: random.chance(0.5) }
    case "loss":
      return { ...common, type: "Loss", percent: random.between(2, 20) }
    case "delay":
      return { ...common, type: "Delay", millis: random.between(20, 120) }
  }
}

const cutBy = (fault: Fault): ReadonlyArray<Link> => {
  if (fault.type === "Bridge") {
    const [left, right] = halves(fault)
    return [...links(left, right), ...links(right, left)]
  }
  if (fault.type !== "Cut") return []
  const [few, many] = sides(fault)
  return [
    ...(fault.shape === "inward" ? [] : links(few, many)),
    ...(fault.shape === "outward" ? [] : links(many, few)),
  ]
}

type Sides = readonly [ReadonlyArray<string>, ReadonlyArray<string>]

const sides = ({ order, count }: Fault & { readonly type: "Cut" }): Sides => [
  order.slice(0, count),
  order.slice(count),
]

const halves = ({ order }: Fault): Sides => {
  const middle = 1 + Math.floor((order.length - 1) / 2)
  return [order.slice(1, middle), order.slice(middle)]
}

const links = (from: ReadonlyArray<string>, to: ReadonlyArray<string>): ReadonlyArray<Link> =>
  from.flatMap((one) => to.map((other) => ({ from: one, to: other })))

const isOfProcess = (kind: FaultKind): boolean => kind.startsWith("kill") || kind.startsWith("pause")

const shuffled = <A>(random: Random, values: ReadonlyArray<A>): ReadonlyArray<A> => {
  const left = [...values]
  return values.map(() => left.splice(random.between(0, left.length - 1), 1)[0]!)
}
