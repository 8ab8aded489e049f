// What would another version change? Read before it is switched on: nothing is written for it.

import { isDeepStrictEqual } from "node:util"
import { Result } from "effect"
import type { Json } from "../actor.ts"
import type { Manifest, VersionRow } from "../Catalogue.ts"
import type { Issue } from "../Coder.ts"
import { decodeCommand, type LoggedCommand } from "../command.ts"
import type { Call, Reduce, Reply, Work } from "../Executor.ts"
import { type MachineState, parseInput } from "../execution.ts"
import { deed } from "../fault.ts"
import type { Refused } from "../outcome.ts"
import * as refusals from "../refusals.ts"
import { numbersText, stepsDownMissing } from "./versions.ts"

/** What an operator reads before a version is switched on. JSON. */
export interface Plan {
  readonly actor: string
  readonly from: { readonly version: string; readonly declared: number } | null
  readonly to: { readonly version: string; readonly declared: number }
  /** The entry that switched `from` on. */
  readonly activatedAt: number
  readonly commands: Difference
  readonly queries: Difference
  /** Whether the shape of the state is another. */
  readonly stateChanged: boolean
  readonly states: {
    /** Instances whose state was brought to the new version, of so many. */
    readonly checked: number
    readonly of: number
    /** Code failed its host: whatever comes behind that was not looked at. */
    readonly isCutShort: boolean
    readonly failed: number
    readonly failures: ReadonlyArray<{
      readonly key: string
      readonly code: string
      readonly message: string
      /** Where in the state, as far as that is known: the first ones. */
      readonly issues: ReadonlyArray<Issue>
    }>
    /** Declared versions that no step leads to: their states must fit as they are. */
    readonly withoutStep: ReadonlyArray<number>
  }
  readonly replay: {
    /** Commands of the log, run by both versions on the states of now. */
    readonly commands: number
    readonly same: number
    readonly isCutShort: boolean
    readonly different: ReadonlyArray<{
      readonly key: string
      readonly command: string
      readonly index: number
      readonly before: string
      readonly after: string
    }>
  }
  /** Whether a way leads back once instances have been written by it. */
  readonly rollback: { readonly possible: boolean; readonly withoutStep: ReadonlyArray<number> }
  /** Why it cannot be switched on. */
  readonly hindrances: ReadonlyArray<string>
  /** There are some, and a rollback can be forced past all of them. */
  readonly isForcible: boolean
}

interface Difference {
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  /** `input` or `output` by name. */
  readonly changed: ReadonlyArray<{ readonly name: string; readonly what: ReadonlyArray<string> }>
}

export interface PlanRequest {
  readonly actor: string
  /** A version that is registered; otherwise a draft's. */
  readonly version: string
  readonly manifest: Manifest | null
  /** The newest commands of the log. */
  readonly recorded: ReadonlyArray<Recorded>
}

/** A command of the log. */
export interface Recorded {
  readonly index: number
  readonly command: Uint8Array
}

function* plan(
  state: MachineState,
  name: string,
  target: { readonly version: string; readonly manifest: Manifest },
  recorded: ReadonlyArray<Recorded>,
): Work<Plan> {
  const row = state.catalogue.actors.get(name)
  const activeId = row?.active ?? null
  const active = activeId === null ? null : state.catalogue.row(name, activeId)
  const { version, manifest } = target
  const states = yield* checkStates(state, name, version)
  const replay =
    activeId === null ? nothingReplayed : yield* replayCommands(state, name, activeId, target, recorded)
  const withoutStep = stepsBetween(active?.declared ?? manifest.declared, manifest)
  const withoutDown = stepsDownMissing(manifest, active?.declared ?? manifest.declared)
  const lasting = downwards(state, name, manifest)
  const hindrances = [
    ...(states.failed > 0
      ? [
          `${states.failed} of ${states.checked} stored states do not fit version ${manifest.declared}${
            withoutStep.length > 0
              ? `: a step to version ${numbersText(withoutStep)} is missing in migrate`
              : ""
          }`,
        ]
      : []),
    ...lasting,
  ]
  return {
    actor: name,
    from: active === null || activeId === null ? null : { version: activeId, declared: active.declared },
    activatedAt: row?.activatedAt ?? 0,
    to: { version, declared: manifest.declared },
    commands: differenceOf("commands", active, manifest),
    queries: differenceOf("queries", active, manifest),
    stateChanged: active !== null && !isSame(active.shapes.state, manifest.shapes.state),
    states: { ...states, withoutStep },
    replay,
    rollback: { possible: withoutDown.length === 0, withoutStep: withoutDown },
    hindrances,
    isForcible: hindrances.length > 0 && lasting.length === 0,
  }
}

/** Of a version that is registered, or of a draft whose manifest is given. */
export function* planFor(
  state: MachineState,
  { actor, version, manifest, recorded }: PlanRequest,
): Work<Plan | Refused> {
  const known = manifest ?? state.catalogue.row(actor, version)
  return known === null
    ? refusals.refused("not-found", `There is no version ${version} of the actor "${actor}".`)
    : yield* plan(state, actor, { version, manifest: known }, recorded)
}

/** What `activate` wants: it stands for this pair of versions, until anything else is switched on. */
export const tokenOf = ({
  actor,
  from,
  to,
  activatedAt,
}: Pick<Plan, "actor" | "from" | "to" | "activatedAt">): string =>
  Buffer.from(JSON.stringify([actor, from?.version ?? null, to.version, activatedAt])).toString("base64url")

/** Null when it is no token of this actor. */
export const readToken = (
  actor: string,
  token: string,
): { readonly from: string | null; readonly version: string; readonly since: number } | null => {
  try {
    const [name, from, version, since] = JSON.parse(
      Buffer.from(token, "base64url").toString(),
    ) as Array<unknown>
    const isOne = name === actor && typeof version === "string" && (from === null || typeof from === "string")
    return isOne && Number.isSafeInteger(since)
      ? { from: from as string | null, version, since: since as number }
      : null
  } catch {
    return null
  }
}

function* checkStates(
  state: MachineState,
  name: string,
  version: string,
): Work<Omit<Plan["states"], "withoutStep">> {
  const failures: Array<Plan["states"]["failures"][number]> = []
  let checked = 0
  let failed = 0
  let after = ""
  let isCutShort = false
  // Few at first: each that does not come to an end costs seconds.
  for (let limit = 1; checked < statesMax && !isCutShort; limit = Math.min(2 * limit, pageSizeMax)) {
    const page = state.instances.list({
      actor: name,
      prefix: "",
      after,
      limit: Math.min(limit, statesMax - checked),
    })
    if (page.length === 0) break
    after = page.at(-1)!.key
    const calls = page.map(({ key }): Call => {
      return { type: "show", actor: name, version, key, instance: state.instances.get(name, key) }
    })
    const replies = yield calls
    isCutShort = replies.some(isFault)
    for (const [at, { key }] of page.entries()) {
      checked++
      const failure = failureOf(replies[at], "migration")
      if (failure === null) continue
      failed++
      if (failures.length < shownMax) failures.push({ key, ...failure })
    }
  }
  const counts = [...state.instances.versions(name).values()]
  return { checked, of: counts.reduce((sum, count) => sum + count, 0), isCutShort, failed, failures }
}

/** Both versions run the same command on the same state: what differs is what the change does. */
function* replayCommands(
  state: MachineState,
  name: string,
  activeId: string,
  { version }: { readonly version: string },
  recorded: ReadonlyArray<Recorded>,
): Work<Plan["replay"]> {
  // One that was sent several times stands in the log several times, and was executed once.
  const known = new Map<string, { index: number; command: LoggedCommand; input: Json }>()
  for (const { index, command: bytes } of recorded) {
    const command = decodeCommand(bytes)
    if (command === null || command.actor !== name) continue
    const id = JSON.stringify([command.key, command.idempotencyKey])
    const input = parseInput(command.input)
    if (Result.isSuccess(input) && !known.has(id)) known.set(id, { index, command, input: input.success })
  }
  const different: Array<Plan["replay"]["different"][number]> = []
  let same = 0
  let commands = 0
  for (const { index, command, input } of [...known.values()].slice(-replayedMax)) {
    const call = (id: string): Reduce => ({
      type: "reduce",
      actor: name,
      version: id,
      instance: state.instances.get(name, command.key),
      key: command.key,
      command: command.command,
      input,
      ifRevision: null,
      commandId: command.idempotencyKey,
      caller: command.caller,
      seed: command.seed,
      now: state.store.position().time,
      index,
      term: 1,
      timersMax: state.limits.timersPerCommandMax,
    })
    // One by one: of two commands in a batch the second would see what the first has left.
    const [before] = yield [call(activeId)]
    const [after] = yield [call(version)]
    const [told, tells] = [tellOf(before), tellOf(after)]
    commands++
    if (told === tells) same++
    else if (different.length < shownMax) {
      different.push({ key: command.key, command: command.command, index, before: told, after: tells })
    }
    if (isFault(before) || isFault(after)) return { commands, same, isCutShort: true, different }
  }
  return { commands, same, isCutShort: false, different }
}

const differenceOf = (
  kind: "commands" | "queries",
  before: VersionRow | null,
  after: Manifest,
): Difference => {
  const old = before?.[kind] ?? []
  const changed = after[kind]
    .filter((name) => old.includes(name))
    .map((name) => ({
      name,
      what: ["input", "output"].filter((side) => {
        const place = `${kind}.${name}.${side}`
        return !isSame(before?.shapes[place], after.shapes[place])
      }),
    }))
  return {
    added: after[kind].filter((name) => !old.includes(name)),
    removed: old.filter((name) => !after[kind].includes(name)),
    changed: changed.filter(({ what }) => what.length > 0),
  }
}

const stepsBetween = (from: number, { declared, migrations }: Manifest): ReadonlyArray<number> => {
  const steps = new Set(migrations.map((step) => step.to))
  const missing: Array<number> = []
  for (let to = from + 1; to <= declared; to++) if (!steps.has(to)) missing.push(to)
  return missing
}

/** Instances that a later version wrote, and that version knows no way down. */
const downwards = (state: MachineState, name: string, manifest: Manifest): ReadonlyArray<string> =>
  [...state.instances.versions(name)].flatMap(([writer, count]) => {
    const row = state.catalogue.row(name, writer)
    if (row === null) return []
    const missing = stepsDownMissing(row, manifest.declared)
    return missing.length === 0
      ? []
      : [
          `${count} instances were written by version ${row.declared}, which has no way down from ${numbersText(missing)}`,
        ]
  })

const failureOf = (
  reply: Reply | undefined,
  what: "migration" | "command",
): Omit<Plan["states"]["failures"][number], "key"> | null => {
  switch (reply?.type) {
    case "answered":
      return null
    case "rejected":
      return { code: reply.reason.code, message: reply.reason.message, issues: firstOf(reply.reason.issues) }
    case "refused":
      return told(reply.refused.code, reply.refused.detail)
    case "faulted":
      return told(reply.fault.kind, `The ${what} ${deed[reply.fault.kind]}.`)
    default:
      return told("crash", `The ${what} could not be run.`)
  }
}

const told = (code: string, message: string) => ({ code, message, issues: [] })

/** They come from where code runs that nobody vouches for. */
const firstOf = (issues: unknown): ReadonlyArray<Issue> =>
  (Array.isArray(issues) ? issues.slice(0, issuesMax) : []).flatMap((issue) =>
    typeof issue?.path === "string" && typeof issue.message === "string"
      ? [{ path: short(issue.path), message: short(issue.message) }]
      : [],
  )

const short = (text: string): string => text.slice(0, issueLengthMax).toWellFormed()

const tellOf = (reply: Reply | undefined): string => {
  const text =
    reply?.type === "reduced"
      ? `accepted: ${reply.result}`
      : ((failure) => (failure === null ? "nothing" : `${failure.code}: ${failure.message}`))(
          failureOf(reply, "command"),
        )
  return text.length > tellLengthMax ? `${text.slice(0, tellLengthMax)}…` : text
}

const isFault = (reply: Reply | undefined): boolean => reply?.type === "faulted"

const isSame = (one: Json | undefined, other: Json | undefined): boolean => isDeepStrictEqual(one, other)

const nothingReplayed: Plan["replay"] = { commands: 0, same: 0, isCutShort: false, different: [] }
const pageSizeMax = 32
/** Stored states that are checked, and commands of the log that are run again. */
export const statesMax = 10_000
export const replayedMax = 200
/** Failures, and differences, that are told one by one. */
export const shownMax = 20
const tellLengthMax = 200
/** Of one stored state, and of what is said of each. */
const issuesMax = 5
const issueLengthMax = 200
