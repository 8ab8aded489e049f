// When does code come to a running cluster, what is asked of it, and how does it fail?

import type { NodeId } from "../consensus/types.ts"
import type { Chance } from "./Chance.ts"
import { drawRead, inOrder, sometimes } from "./planDice.ts"
import type { FaultBody } from "./planFaults.ts"
import type { Act, Fault, PlannedDeploy, PlannedOperation, PlannedTill, Target } from "./script.ts"
import type { Hang, ReleaseName } from "./till.ts"

/** Code that comes in while all else goes on; in most runs. */
export const drawTill = (
  chance: Chance,
  voters: ReadonlyArray<NodeId>,
  calmAtMillis: number,
): PlannedTill | null => {
  if (chance.happens(0.35)) return null
  // Two voters cannot do without the one where commands hang, and one alone would call it a majority.
  const alone = voters.length >= 3 && chance.happens(0.5) ? chance.pick(voters) : null
  const draw = (): DeployBody => {
    const isForced = chance.happens(0.5)
    switch (chance.pick(["activate", "activate", "activate", "rollback", "rollback", "repair"] as const)) {
      case "activate":
        return { type: "activate", release: drawRelease(chance), isForged: chance.happens(0.08), isForced }
      case "rollback":
        return { type: "rollback", isForced }
      case "repair":
        return {
          type: "repair",
          how: chance.pick(["before", "rerun", "state"]),
          total: chance.between(0, 500),
        }
    }
  }
  const first = {
    atMillis: chance.between(0, 600),
    type: "activate",
    isForged: false,
    isForced: true,
  } as const
  const later = Array.from(
    { length: chance.between(0, 14) },
    () => ({ atMillis: chance.below(calmAtMillis), ...draw() }) as PlannedDeploy,
  )
  const release = chance.pick(["one", "two"] as const)
  if (chance.happens(0.5)) later.push(...drawRepair(chance, calmAtMillis))
  return {
    source: chance.pick(["upload", "file"]),
    alone,
    deploys: inOrder([{ ...first, release }, ...later]),
  }
}

/** A version that knows better, and what hung is run again by it. */
const drawRepair = (chance: Chance, calmAtMillis: number): ReadonlyArray<PlannedDeploy> => {
  const atMillis = Math.round(calmAtMillis * (0.5 + chance.draw() * 0.3))
  return [
    { atMillis, type: "activate", release: "mended", isForged: false, isForced: true },
    ...Array.from(
      { length: 3 },
      (): PlannedDeploy => ({
        atMillis: atMillis + chance.between(100, 1500),
        type: "repair",
        how: chance.happens(0.7) ? "rerun" : "before",
        total: 0,
      }),
    ),
  ]
}

type DeployBody = PlannedDeploy extends infer One
  ? One extends PlannedDeploy
    ? Omit<One, "atMillis">
    : never
  : never

/** From the last one no way leads back: once it is there, little else happens. */
const drawRelease = (chance: Chance): ReleaseName =>
  chance.happens(0.12) ? "three" : chance.pick(["one", "two", "mended"])

export const drawPayments = (
  chance: Chance,
  { alone }: PlannedTill,
  calmAtMillis: number,
): ReadonlyArray<PlannedOperation> => {
  const clients = chance.between(1, 5)
  const keys = ["a", "b", "c", "d"].slice(0, chance.between(1, 4))
  const weights = { pay: 1, refund: chance.draw(), read: chance.draw(), hang: chance.pick([0, 0, 0.05, 0.2]) }
  const ways: ReadonlyArray<Hang> = [
    "always",
    "always",
    "logged",
    ...(alone === null ? [] : ["alone" as const]),
  ]
  const draw = (): Act => {
    const key = chance.pick(keys)
    let dice = chance.draw() * (weights.pay + weights.refund + weights.read + weights.hang)
    dice -= weights.pay
    if (dice < 0) return { type: "pay", key, by: chance.between(1, 9), conditional: chance.happens(0.2) }
    dice -= weights.refund
    if (dice < 0) return { type: "refund", key, by: chance.between(1, 12) }
    dice -= weights.hang
    if (dice < 0) return { type: "hang", key, how: chance.pick(ways) }
    return { ...drawRead(chance, keys), actor: "till" }
  }
  return Array.from({ length: chance.between(20, 90) }, () => ({
    atMillis: chance.below(calmAtMillis),
    client: chance.below(clients),
    act: draw(),
  }))
}

/** Where users' code runs it is slow, or there is no room for it. */
export const drawCodeFaults = (
  chance: Chance,
  ids: ReadonlyArray<NodeId>,
  calmAtMillis: number,
  till: PlannedTill | null,
): ReadonlyArray<Fault> => {
  const target = (): Target => chance.pick<Target>([chance.pick(ids), "leader", "leader"])
  const many = (most: number, draw: () => FaultBody) =>
    Array.from(
      { length: Math.round(sometimes(chance, most)) },
      () => ({ atMillis: chance.below(calmAtMillis), ...draw() }) as Fault,
    )
  return [
    ...many(6, () => ({
      type: "slow-code",
      target: target(),
      lane: chance.pick(["log", "door", "door"]),
      // Longer than a client waits for an answer, now and then.
      millisMax: chance.pick([5, 50, 500, 2000, 2000]),
      forMillis: chance.between(100, 3500),
    })),
    ...many(till === null ? 0 : 2, () => ({
      type: "failing-code",
      target: target(),
      forMillis: chance.between(50, 1000),
    })),
    ...many(till?.alone == null ? 0 : 2, () => ({ type: "busy-code", forMillis: chance.between(50, 2500) })),
  ]
}
