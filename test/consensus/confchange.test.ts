// Do changes of members lead to the same configurations as those of etcd-io/raft, and where they do not, why is that
// right? (M5, M8) A simple change is here one that enters a joint configuration and leaves it, when it is of voters.

import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { isJoint, members } from "../../src/consensus/configuration.ts"
import { aimOf, isReached, isRefusal, leaveJoint, stepTowards } from "../../src/consensus/membership.ts"
import type { Change, Configuration, NodeId } from "../../src/consensus/types.ts"
import { type Case, readCases } from "../support/datadriven.ts"
import { configuration } from "./support.ts"

const folder = join(import.meta.dir, "../../../shared/vectors/etcd-raft/confchange")
const files = [
  "joint_autoleave.txt",
  "joint_idempotency.txt",
  "joint_learners_next.txt",
  "joint_safety.txt",
  "simple_idempotency.txt",
  "simple_promote_demote.txt",
  "simple_safety.txt",
  "update.txt",
  "zero.txt",
]

const ALWAYS_JOINT =
  "every change of voters goes through a joint configuration, so more than one may change at once"
const NOTHING_TO_DO = "a change that changes nothing is done: it needs no entry, and nothing is left to leave"
const NOBODY_THERE = "who removes somebody who is not there has mistaken the name, and is told so"
const BEGINNING = "the first configuration is what a cluster is made with, and no change"

/** What we say instead, case by case. */
const differences: Readonly<Record<string, { readonly ours: string; readonly because: string }>> = {
  ...Object.fromEntries(
    ["joint_autoleave.txt:4", "joint_idempotency.txt:4", "joint_learners_next.txt:7", "joint_safety.txt:14"]
      .concat([
        "simple_idempotency.txt:1",
        "simple_promote_demote.txt:3",
        "simple_safety.txt:6",
        "update.txt:5",
      ])
      .map((where) => [where, { ours: "bad-request", because: BEGINNING }]),
  ),
  "zero.txt:2": { ours: "bad-request", because: `${BEGINNING}; and 0 is an id as any other` },
  "joint_autoleave.txt:11": {
    ours: "voters=(1 2 3)&&(1)",
    because: "every leader leaves every joint configuration by itself: that is no choice, and no flag",
  },
  "joint_safety.txt:25": { ours: "voters=(1)", because: NOTHING_TO_DO },
  "simple_idempotency.txt:40": { ours: "unknown-member", because: NOBODY_THERE },
  "simple_idempotency.txt:59": { ours: "unknown-member", because: NOBODY_THERE },
  "simple_idempotency.txt:65": { ours: "unknown-member", because: NOBODY_THERE },
  "simple_safety.txt:20": { ours: "voters=(2 5) learners=(3)", because: ALWAYS_JOINT },
  "simple_safety.txt:30": { ours: "voters=(1 2 3 4)", because: ALWAYS_JOINT },
  "simple_safety.txt:35": { ours: "voters=(2 5) learners=(1 3)", because: ALWAYS_JOINT },
}

/** How we refuse what they refuse. */
const refusals: Readonly<Record<string, string>> = {
  "removed all voters": "bad-request",
  "config is already joint": "change-in-progress",
  "can't apply simple config change in joint config": "change-in-progress",
  "can't leave a non-joint config": "not joint",
  "can't make a zero-voter config joint": "bad-request",
}

describe("the configuration changes of etcd-io/raft (M5, M8)", () => {
  if (!existsSync(folder)) {
    // skip: the vectors of etcd-io/raft are not beside the checkout
    test.skip(`skipped: the vectors are not in ${folder}`, () => {})
    return
  }
  const cases = files.map((file) => readCases(join(folder, file)))
  const all = cases.flat()

  test("all of them are read", () => expect(all.length).toBe(58))

  test("every difference is of a case that there is", () => {
    const places = all.map(({ where }) => where)
    expect(Object.keys(differences).filter((where) => !places.includes(where))).toEqual([])
  })

  for (const file of cases) {
    let theirs = configuration({ voters: [] })
    for (const one of file) {
      const before = theirs
      const [said = ""] = one.expected
      theirs = said.startsWith("voters=") ? parse(said) : before
      const unlike = differences[one.where] === undefined ? "" : `, but ${differences[one.where]!.because}`
      test(`${one.where}: ${one.command} ${one.input.join(" ")}${unlike}`, () => {
        const ours = carryOut(before, one)
        const difference = differences[one.where]
        if (difference === undefined) {
          expect(shown(ours)).toBe(refusals[said] ?? shown(parse(said)))
          if (typeof ours !== "string") expect(receiving(ours)).toEqual(receivers(one))
        } else {
          expect(shown(ours)).toBe(difference.ours)
          expect(shown(ours)).not.toBe(refusals[said] ?? said)
        }
      })
    }
  }
})

/** The configuration that it leads to from here, or why it is refused. */
const carryOut = (from: Configuration, { command, input }: Case): Configuration | string => {
  if (command === "leave-joint") return isJoint(from) ? leaveJoint(from) : "not joint"
  // As a leader refuses it: the joint one has to be left first.
  if (isJoint(from)) return "change-in-progress"
  const aim = aimOf(from, changeOf(from, input.join(" ").split(" ").filter(Boolean)))
  if (isRefusal(aim)) return aim.code
  if (isReached(from, aim)) return from
  const next = stepTowards(from, aim, () => true)
  const areSameVoters = [...from.voters].sort().join() === [...aim.voters].sort().join()
  expect(isJoint(next)).toBe(!areSameVoters)
  return command === "simple" && isJoint(next) ? leaveJoint(next) : next
}

/** One operation is the change of that name, several are a set that they lead to, one after the other. */
const changeOf = (from: Configuration, operations: ReadonlyArray<string>): Change => {
  const [kind, id] = [operations[0]?.[0], operations[0]?.slice(1) ?? ""]
  const addresses = Object.fromEntries(
    operations.map((operation) => [operation.slice(1), addressOf(operation.slice(1))]),
  )
  if (operations.length === 1) {
    if (kind === "v") return { kind: "add", id, address: addressOf(id), as: "voter" }
    if (kind === "r") return { kind: "remove", id }
    // A voter does not become a learner by being added: only a set demotes.
    if (kind === "l" && !from.voters.includes(id)) {
      return { kind: "add", id, address: addressOf(id), as: "learner" }
    }
  }
  const voters = new Set(from.voters)
  const learners = new Set(from.learners)
  for (const operation of operations) {
    const id = operation.slice(1)
    // An update changes nothing here: an address is changed with `add`.
    if (operation[0] === "u") continue
    voters.delete(id)
    learners.delete(id)
    if (operation[0] === "v") voters.add(id)
    if (operation[0] === "l") learners.add(id)
  }
  return { kind: "set", voters: [...voters], learners: [...learners], addresses }
}

const addressOf = (id: NodeId) => ({ peer: `${id}:1`, client: "" })

const byNumber = (ids: ReadonlyArray<NodeId>) => [...ids].sort((one, other) => Number(one) - Number(other))

const shown = (result: Configuration | string): string => {
  if (typeof result === "string") return result
  const list = (ids: ReadonlyArray<NodeId>) => `(${byNumber(ids).join(" ")})`
  const { voters, outgoing, learners, learnersNext } = result
  return [
    `voters=${list(voters)}${outgoing.length > 0 ? `&&${list(outgoing)}` : ""}`,
    ...(learners.length > 0 ? [`learners=${list(learners)}`] : []),
    ...(learnersNext.length > 0 ? [`learners_next=${list(learnersNext)}`] : []),
  ].join(" ")
}

const parse = (said: string): Configuration => {
  const list = (pattern: RegExp) => pattern.exec(said)?.[1]?.split(" ") ?? []
  const found = {
    voters: list(/voters=\(([^)]*)\)/),
    outgoing: list(/&&\(([^)]*)\)/),
    learners: list(/learners=\(([^)]*)\)/),
    learnersNext: list(/learners_next=\(([^)]*)\)/),
  }
  const everybody = members(configuration(found))
  return configuration({
    ...found,
    addresses: Object.fromEntries(everybody.map((id) => [id, addressOf(id)])),
  })
}

/** Who receives the log, and who of them only learns. How far they are is no matter of configurations here. */
const receiving = (ours: Configuration): ReadonlyArray<string> =>
  byNumber(members(ours)).map((id) => `${id}${ours.learners.includes(id) ? " learner" : ""}`)

const receivers = ({ expected }: Case): ReadonlyArray<string> =>
  expected.slice(1).map((line) => `${line.split(":")[0]}${line.endsWith(" learner") ? " learner" : ""}`)
