// How does the machine say no? The texts of its refusals, and what each adds to the problem.

import type { Json } from "./actor.ts"
import type { Issue } from "./Coder.ts"
import { deed, type Fault } from "./fault.ts"
import type { RefusalCode, Refused } from "./outcome.ts"
import type { Quarantine, Suspension, Voided } from "./system/Quarantines.ts"
import { lastingMessageOf, wordsOf } from "./thrown.ts"

/** Why a command was rejected: a reducer's own words, or the machine's about a reducer. */
export interface Reason {
  readonly code: string
  readonly message: string
  readonly data: Json
  /** What the machine found of a value of its own; it stands beside the reason, as with other invalid values. */
  readonly issues?: ReadonlyArray<Issue>
  /** In place of `message`, for whoever waits for it now: another replica may word it otherwise. */
  readonly words?: string
}

export const refused = (code: RefusalCode, detail: string, extra: object = {}): Refused => ({
  _tag: "Refused",
  code,
  detail,
  extra: JSON.stringify(extra),
  replayed: false,
})

export const unknownActor = (actor: string): Refused =>
  refused("unknown-actor", `There is no actor "${shorten(actor)}".`)

export const unknownCommand = (actor: string, command: string): Refused =>
  refused("unknown-command", `The actor "${actor}" has no command "${shorten(command)}".`)

export const unknownQuery = (actor: string, query: string): Refused =>
  refused("unknown-query", `The actor "${actor}" has no query "${shorten(query)}".`)

export const invalidInput = (detail: string, issues: ReadonlyArray<Issue>): Refused =>
  refused("invalid-input", detail, { issues })

export const tooLarge = (bytes: number, bytesMax: number): Refused =>
  refused("too-large", `The input has ${bytes} bytes; ${bytesMax} are allowed.`)

export const revisionMismatch = (expected: number, revision: number): Refused =>
  refused("revision-mismatch", `The instance is at revision ${revision}, not at ${expected}.`, { revision })

export const idempotencyMismatch = (): Refused =>
  refused("idempotency-mismatch", "The idempotency key was used with another command or input.")

/** As it is remembered. */
export const rejected = ({ issues, words: _, ...reason }: Reason): Refused =>
  refused("rejected", reason.message, { reason, ...(issues === undefined ? {} : { issues }) })

/** As it is told for the first time. */
export const rejectedNow = ({ words, ...reason }: Reason): Refused =>
  rejected(words === undefined ? reason : { ...reason, message: words })

export const thrown = (code: string, error: unknown, before = ""): Reason => {
  const words = wordsOf(error)
  const message = before + lastingMessageOf(error)
  return { code, message, data: null, ...(words === undefined ? {} : { words: before + words }) }
}

export const quarantined = (quarantine: Quarantine): Refused => {
  const { actor, key, version, fault, index, at, command } = quarantine
  return refused(
    "quarantined",
    `The instance is in quarantine since entry ${index}: its command "${command}" ${deed[fault.kind]}. An operator must repair it.`,
    { quarantine: { actor, key, version, command, fault: fault.kind, detail: fault.detail, index, at } },
  )
}

/** Too many of its instances are in quarantine: what one more command would do is known. */
export const suspended = ({ actor, version, instances, last }: Suspension): Refused => {
  const { key, command, fault, index } = last
  return refused(
    "quarantined",
    `The actor "${actor}" is suspended since entry ${index}: ${instances} of its instances are in quarantine by version ${version}; the last one's command "${command}" ${deed[fault.kind]}. An operator must activate another version, or repair them.`,
    { suspension: { actor, version, instances, index, last: { key, command, fault: fault.kind } } },
  )
}

/** What had to run for it has failed its host again: that is known before it is in the log. */
export const notRepaired = (quarantine: Quarantine, fault: Fault): Refused => {
  const { actor, key, version, command } = quarantine
  return refused(
    "quarantined",
    `The instance stays in quarantine: what was run for its repair ${deed[fault.kind]}.`,
    { quarantine: { actor, key, version, command, fault: fault.kind, detail: fault.detail } },
  )
}

/** Only another run of its command keeps a promise that a node may have given before it was gone. */
export const notDropped = (quarantine: Quarantine): Refused => {
  const { actor, key, version, fault, index, command } = quarantine
  return refused(
    "quarantined",
    `The instance stays in quarantine: its command "${command}" was in the log already, and a node that is gone may have executed and acknowledged it. Run it again (rerun), or drop it all the same (force).`,
    { quarantine: { actor, key, version, command, fault: fault.kind, detail: fault.detail, index } },
  )
}

/** Nobody could get past it. Why, the entry says that puts the instance into quarantine. */
export const voided = ({ actor, key, command, fault, from }: Voided): Refused =>
  refused(
    "quarantined",
    `The command "${command}" of entry ${from} ${deed[fault.kind]}, and puts the instance into quarantine: what is asked behind it is not executed.`,
    { quarantine: { actor, key, command, fault: fault.kind, detail: fault.detail, index: from } },
  )

export const overloaded = (detail: string): Refused => refused("overloaded", detail)

/** Not for clients: whoever asked must ask again. */
export const versionMoved = (actor: string): Refused =>
  refused("version-moved", `The actor "${actor}" has been switched to another version meanwhile.`)

/** Not for clients: whoever asked must ask where the key is. */
export const elsewhere = (actor: string): Refused =>
  refused("elsewhere", `The key of the actor "${shorten(actor)}" is in another group.`)

/** Given by an operator, or what is left of one on the way to another version. */
export const noState = (issues: ReadonlyArray<Issue>): Refused =>
  invalidInput(`This is no state of the actor: ${issuesText(issues)}`, issues)

/** Stored, and not what the version that is to take it calls a state. */
export const incompatibleState = (issues: ReadonlyArray<Issue>): Reason => ({
  code: "incompatible-state",
  message: `The instance's state was written by another version of the actor and does not fit this one: ${issuesText(issues)}`,
  data: { issues: issues.map((issue) => ({ ...issue })) },
  issues,
})

/** The first of them, each with its place: for whoever reads no more than a line. */
export const issuesText = (issues: ReadonlyArray<Issue>): string => {
  const shown = issues
    .slice(0, issuesShownMax)
    .map(({ path, message }) => `at ${path === "" ? "the whole" : cut(path)}: ${cut(message)}`)
  return [...shown, ...(issues.length > issuesShownMax ? ["and more"] : [])].join("; ")
}

const cut = (text: string): string =>
  (text.length > issueLengthShownMax ? `${text.slice(0, issueLengthShownMax)}…` : text).toWellFormed()

const issuesShownMax = 3
const issueLengthShownMax = 200
/** Of a name that came from outside. */
export const shorten = (name: string): string =>
  (name.length > 64 ? `${name.slice(0, 64)}…` : name).toWellFormed()
