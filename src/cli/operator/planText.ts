// How does an operator see at a glance what another version would change?

import { groupsText } from "../../consensus/groups.ts"
import { none, printable, table, thousands } from "../tables.ts"
import type { PlanAnswer } from "./actorAnswers.ts"

/** A line for each question that one asks before a switch; what there is to look at stands below. */
export const planText = (plan: PlanAnswer): string => {
  const lines = [
    ["commands", differenceText(plan.commands)],
    ["queries", differenceText(plan.queries)],
    ["state", stateText(plan)],
    ["stored", storedText(plan)],
    ["replay", replayText(plan)],
    ["rollback", rollbackText(plan)],
  ].flatMap(([name, text]) => (text === null ? [] : [`${name!.padEnd(8)}  ${text}`]))
  const { failures } = plan.states
  const { different } = plan.replay
  return [
    headText(plan),
    ...(plan.notes ?? []).map((note) => `note: ${printable(note)}`),
    "",
    ...lines,
    ...section(
      "stored states that do not fit",
      failures.length === 0
        ? null
        : table(
            [...groupHead(plan), "key", "why"],
            failures.map(({ group, key, code, message }) => [
              ...groupCell(plan, group),
              key,
              `${code}: ${message}`,
            ]),
          ),
    ),
    ...section(
      "commands of the log that come to something else",
      different.length === 0
        ? null
        : table(
            [...groupHead(plan), "index", "key", "command", "now", "then"],
            different.map(({ group, index, key, command, before, after }) => [
              ...groupCell(plan, group),
              ...[index, key, command, before, after],
            ]),
          ),
    ),
    ...endText(plan),
  ].join("\n")
}

/** It is the active version: there is nothing to switch. */
export const isActive = ({ from, to }: PlanAnswer): boolean => from?.version === to.version

/** `version 2 (b81d0455f3a2)`: the author's number, and the beginning of the id. */
export const versionText = ({
  version,
  declared,
}: {
  readonly version: string
  readonly declared: number
}): string => `version ${declared} (${shortId(version)})`

/** Enough to tell the versions of one actor apart. */
export const shortId = (version: string): string => printable(version.slice(0, shortIdLength))

const endText = (plan: PlanAnswer): ReadonlyArray<string> => {
  if (isActive(plan)) return []
  const { hindrances } = plan
  return hindrances.length === 0
    ? ["", "nothing is in its way"]
    : ["", ...hindrances.map((hindrance) => `! ${printable(hindrance)}`)]
}

const headText = (plan: PlanAnswer): string => {
  const { actor, from, to, groups = [], divided = [] } = plan
  const name = printable(actor)
  const where = groups.length === 1 && groups[0] === "main" ? "" : inGroupsText(groups)
  if (from === null) return `${name}: new, ${versionText(to)}${where}`
  if (isActive(plan)) return `${name}: ${versionText(to)}, which is active already`
  const head = `${name}: ${versionText(from)} → ${versionText(to)}${where}`
  if (divided.length === 0) return head
  // Most likely it was begun, and goes on.
  const there = divided.map(
    ({ group, active }) => `${printable(group)} ${active === null ? "none" : shortId(active)}`,
  )
  return `${head}\nactive elsewhere: ${shortened(there)}`
}

/** ` in orders-1`, ` in 16 groups, orders-1 to orders-16`, all of them unless their names are many; empty for none. */
export const inGroupsText = (groups: ReadonlyArray<string>): string => {
  const names = printable(groupsText(groups))
  if (groups.length < 2) return names === "" ? "" : ` in ${names}`
  return ` in ${thousands(groups.length)} groups, ${names}`
}

/** The first of many. */
export const shortened = (texts: ReadonlyArray<string>): string =>
  texts.length <= shownMax
    ? texts.join(", ")
    : `${texts.slice(0, shownMax).join(", ")} and ${thousands(texts.length - shownMax)} more`

const shownMax = 8

const isSpread = ({ groups = [] }: PlanAnswer): boolean => groups.length > 1

const groupHead = (plan: PlanAnswer): ReadonlyArray<string> => (isSpread(plan) ? ["group"] : [])

const groupCell = (plan: PlanAnswer, group: string | undefined): ReadonlyArray<string> =>
  isSpread(plan) ? [group ?? none] : []

const differenceText = ({ added, removed, changed }: PlanAnswer["commands"]): string =>
  printable(
    [
      ...added.map((name) => `+ ${name}`),
      ...removed.map((name) => `- ${name}`),
      ...changed.map(({ name, what }) => `~ ${name} (${what.join(" and ")})`),
    ].join("  "),
  ) || "the same"

const stateText = ({ from, stateChanged, states }: PlanAnswer): string | null => {
  if (from === null) return null
  const without = states.withoutStep.join(", ")
  const steps =
    without === "" ? "" : `; no step leads to version ${without}: stored states must fit as they are`
  return `${stateChanged ? "of another shape" : "of the same shape"}${steps}`
}

const storedText = ({ states: { checked, of, failed, isCutShort } }: PlanAnswer): string | null => {
  if (of === 0) return null
  const result = failed === 0 ? "all fit" : counted(failed, "does not fit", "do not fit")
  const end = isCutShort ? "; the rest was not looked at, because the code failed" : ""
  return `${thousands(checked)} of ${counted(of, "state", "states")} checked: ${result}${end}`
}

const replayText = ({ from, replay: { commands, same, isCutShort } }: PlanAnswer): string | null => {
  if (from === null) return null
  if (commands === 0) return "no command of it is in the log"
  const other = commands - same
  const result =
    other === 0 ? "all come to the same" : counted(other, "comes to something else", "come to something else")
  const end = isCutShort ? "; at the next one of the two failed its host, and the rest was not run" : ""
  return `${counted(commands, "command", "commands")} of the log run by both: ${result}${end}`
}

const rollbackText = ({ from, to, rollback }: PlanAnswer): string | null => {
  if (from === null || from.version === to.version || to.declared < from.declared) return null
  return rollback.possible
    ? "possible at any time"
    : `only as long as it has written nothing: no way down from version ${rollback.withoutStep.join(", ")}`
}

const counted = (count: number, one: string, many: string): string =>
  `${thousands(count)} ${count === 1 ? one : many}`

const section = (title: string, text: string | null): ReadonlyArray<string> =>
  text === null ? [] : ["", `${title}:`, text]

const shortIdLength = 12
