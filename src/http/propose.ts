// How does a POST become a proposal, and its outcome an answer? The hot path: no fiber, no span, one promise.

import { encodeCommand } from "../machine/command.ts"
import { type Accepted, isElsewhere, type Outcome } from "../machine/outcome.ts"
import type { Counter } from "../metrics/Metrics.ts"
import type { Failure } from "../raft/Raft.ts"
import type { Bodies } from "./Bodies.ts"
import {
  awaitActor,
  type Door,
  type Doors,
  type Headers,
  jsonResponse,
  leaderLocation,
  redirect,
} from "./Doors.ts"
import { isObject, refuseUnknown } from "./fields.ts"
import { checkIdempotencyKey, freshSeed, idempotencyKey, ifRevision, timeoutMillis } from "./parameters.ts"
import { fromFailure, fromRefused, Problem, problemText } from "./problem.ts"
import { askAtHome, doorTo, lookAgain, type Target } from "./routing.ts"
import {
  actorOfSegment,
  checkActor,
  checkKey,
  decodePart,
  keyOfSegment,
  parseQuery,
  parseSwitch,
} from "./target.ts"

export const proposalsMax = 1000

export interface ProposeOptions {
  readonly doors: Doors
  readonly bodies: Bodies
  readonly commandBytesMax: number
  /** Counts by outcome: `accepted`, `replayed` or the problem's code. */
  readonly proposals: Counter
}

/** `POST /propose/{actor}/{key}/{command}` */
export const propose = async (
  options: ProposeOptions,
  request: Request,
  segments: ReadonlyArray<string>,
): Promise<Response> => {
  const { doors, bodies } = options
  const parameters = parseQuery(request, ["group", "redirect"])
  const millis = timeoutMillis(request)
  const call: Call = {
    actor: actorOfSegment(segments[0]!),
    key: keyOfSegment(segments[1]!),
    command: decodePart(segments[2]!, "The command's name"),
    idempotencyKey: idempotencyKey(request),
    ifRevision: ifRevision(request),
  }
  const target: Target = { group: parameters.get("group"), actor: call.actor, key: call.key }
  const deadline = doors.now() + millis
  await awaitActor(doors, call.actor, millis)
  const first = doorTo(doors, target)
  const stays = parseSwitch(parameters.get("redirect"), "redirect")
  if (stays) {
    const location = leaderLocation(first.raft.status(), request)
    if (location !== null) return redirect(location, doors.headers(first))
  }
  const input = (await bodies.json(request)) ?? null
  const command = encode(call, JSON.stringify(input), doors)
  const { door, answer } = await askAtHome(
    doors,
    target,
    deadline,
    (door) => ask(door, [command], deadline, !stays)[0]!,
  )
  count(options, answer)
  if (answer._tag === "Accepted") return acceptedResponse(answer, doors.headers(door))
  if (answer._tag === "Failure" && answer.code === "not-leader" && stays) {
    const location = leaderLocation(door.raft.status(), request)
    if (location !== null) return redirect(location, doors.headers(door))
  }
  throw problemOf(answer)
}

/** `POST /propose`: many at once, in order per instance, not a transaction. */
export const proposeMany = async (options: ProposeOptions, request: Request): Promise<Response> => {
  const { doors, bodies } = options
  const parameters = parseQuery(request, ["group", "redirect"])
  const group = parameters.get("group")
  const named = doors.find(group)
  const millis = timeoutMillis(request)
  const deadline = doors.now() + millis
  const stays = parseSwitch(parameters.get("redirect"), "redirect")
  if (stays) {
    const location = leaderLocation(named.raft.status(), request)
    if (location !== null) return redirect(location, doors.headers(named))
  }
  const items = checkBatch(await bodies.json(request, true))
  if (named.offering?.isDone === false) {
    for (const item of items) if (isObject(item)) await awaitActor(doors, `${item.actor}`, millis)
  }
  // All are checked before the first is proposed.
  const ready = items.map((item) => encodeItem(item, options))
  const answers = await askAllAtHome(options, group, ready, deadline, !stays)
  let index = 0
  const outcomes = answers.map((answer) => {
    if (answer instanceof Problem) return problemText(answer)
    count(options, answer)
    if (answer._tag !== "Accepted") return problemText(problemOf(answer))
    index = Math.max(index, answer.index)
    return acceptedText(answer)
  })
  const headers = doors.headers(named)
  return jsonResponse(
    `{"outcomes":[${outcomes.join(",")}]}`,
    index === 0 ? headers : { ...headers, "Raftlet-Index": String(index) },
  )
}

/** A proposal of a batch, ready to be sent. */
interface Ready {
  readonly actor: string
  readonly key: string
  readonly bytes: Uint8Array
}

/**
 * What is of one group is proposed to it in one go: its door keeps the order. What is elsewhere by then is asked for again,
 * in the same order.
 */
const askAllAtHome = async (
  { doors }: ProposeOptions,
  group: string | undefined,
  ready: ReadonlyArray<Ready | Problem>,
  deadline: number,
  forward: boolean,
): Promise<ReadonlyArray<Outcome | Failure | Problem>> => {
  const answers: Array<Outcome | Failure | Problem> = []
  let open = [...ready.keys()]
  while (open.length > 0) {
    const byDoor = Map.groupBy(open, (at) => {
      const one = ready[at]!
      return one instanceof Problem ? one : orProblem(() => doorTo(doors, { group, ...one }))
    })
    const asked = Array.from(byDoor, async ([door, places]) => {
      if (door instanceof Problem) for (const at of places) answers[at] = door
      else {
        const commands = places.map((at) => (ready[at] as Ready).bytes)
        const given = await Promise.all(ask(door, commands, deadline, forward))
        for (const [position, at] of places.entries()) answers[at] = given[position]!
      }
    })
    await Promise.all(asked)
    open = open.filter((at) => isElsewhere(answers[at] as { readonly _tag: string }))
    const [first] = open
    if (first === undefined) break
    const gone = await orProblemAsync(lookAgain(doors, { group, ...(ready[first] as Ready) }, deadline))
    if (gone instanceof Problem) {
      for (const at of open) answers[at] = gone
      break
    }
  }
  return answers
}

interface Call {
  readonly actor: string
  readonly key: string
  readonly command: string
  readonly idempotencyKey: string
  readonly ifRevision: number | null
}

/** Proposes all in one call, so that they keep their order. */
const ask = (
  door: Door,
  commands: ReadonlyArray<Uint8Array>,
  deadline: number,
  forward: boolean,
): ReadonlyArray<Promise<Outcome | Failure>> => {
  const answers = commands.map(() => Promise.withResolvers<Outcome | Failure>())
  door.raft.propose(
    commands.map((command, at) => ({ command, deadline, forward, answer: answers[at]!.resolve })),
  )
  return answers.map(({ promise }) => promise)
}

const encode = (call: Call, input: string, doors: Doors): Uint8Array =>
  encodeCommand({ ...call, input, version: "", seed: freshSeed(), caller: "", door: doors.node.id })

const checkBatch = (body: unknown): ReadonlyArray<unknown> => {
  if (!isObject(body) || !Array.isArray(body.proposals)) {
    throw new Problem("bad-request", 'The body must be {"proposals": [ … ]}.')
  }
  refuseUnknown(body, ["proposals"], "The body")
  const proposals: ReadonlyArray<unknown> = body.proposals
  if (proposals.length > proposalsMax) {
    throw new Problem(
      "bad-request",
      `A batch has ${proposalsMax} proposals at most, not ${proposals.length}.`,
    )
  }
  return proposals
}

const encodeItem = (item: unknown, options: ProposeOptions): Ready | Problem => {
  try {
    if (!isObject(item)) throw new Problem("bad-request", "A proposal must be an object.")
    refuseUnknown(item, itemFields, "A proposal")
    const { idempotencyKey: given, ifRevision: revision = null } = item
    if (given !== undefined && typeof given !== "string") {
      throw new Problem("bad-request", "idempotencyKey must be a string.")
    }
    if (revision !== null && (!Number.isSafeInteger(revision) || (revision as number) < 0)) {
      throw new Problem("bad-request", "ifRevision must be a whole number from 0 on.")
    }
    const input = JSON.stringify(item.input ?? null)
    if (input.length > options.commandBytesMax || Buffer.byteLength(input) > options.commandBytesMax) {
      throw new Problem("too-large", `The input is larger than ${options.commandBytesMax} bytes.`)
    }
    const call: Call = {
      actor: checkActor(text(item, "actor")),
      key: checkKey(text(item, "key")),
      command: text(item, "command"),
      idempotencyKey: given === undefined ? crypto.randomUUID() : checkIdempotencyKey(given),
      ifRevision: revision as number | null,
    }
    return { actor: call.actor, key: call.key, bytes: encode(call, input, options.doors) }
  } catch (cause) {
    if (cause instanceof Problem) return cause
    throw cause
  }
}

const acceptedText = (accepted: Accepted): string =>
  `{"result":${accepted.result},"revision":${accepted.revision},"index":${accepted.index},` +
  `"term":${accepted.term},"replayed":${accepted.replayed}}`

const acceptedResponse = (accepted: Accepted, headers: Headers): Response =>
  jsonResponse(acceptedText(accepted), { ...headers, "Raftlet-Index": String(accepted.index) })

const problemOf = (answer: Exclude<Outcome, Accepted> | Failure): Problem =>
  answer._tag === "Failure" ? fromFailure(answer) : fromRefused(answer)

const count = (options: ProposeOptions, answer: Outcome | Failure): void =>
  options.proposals.add(
    1,
    answer._tag === "Accepted" ? (answer.replayed ? "replayed" : "accepted") : answer.code,
  )

const text = (item: Readonly<Record<string, unknown>>, name: string): string => {
  const value = item[name]
  if (typeof value !== "string") throw new Problem("bad-request", `${name} must be a string.`)
  return value
}

const itemFields = ["actor", "key", "command", "input", "idempotencyKey", "ifRevision"]

const orProblem = <A>(body: () => A): A | Problem => {
  try {
    return body()
  } catch (cause) {
    if (cause instanceof Problem) return cause
    throw cause
  }
}

const orProblemAsync = async (looking: Promise<void>): Promise<Problem | null> => {
  try {
    await looking
    return null
  } catch (cause) {
    if (cause instanceof Problem) return cause
    throw cause
  }
}
