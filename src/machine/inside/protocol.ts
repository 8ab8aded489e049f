// What is said to where the code runs, and what comes back?

import { Schema } from "effect"
import type { Manifest } from "../Catalogue.ts"
import type { Emitted } from "../Emissions.ts"
import type { Call, Reply, Scheduled } from "../Executor.ts"
import type { Fault } from "../fault.ts"
import { Instance } from "../Instance.ts"
import { idOf } from "../Instances.ts"
import { canonicalise, parseCanonical } from "../json.ts"
import type { MachineLimits } from "../limits.ts"
import { manifestProblem } from "../manifest.ts"
import type { Refused } from "../outcome.ts"
import type { Reason } from "../refusals.ts"
import { manifestFields } from "../system/commands.ts"
import { packMessage, Texts, unpackMessage } from "./message.ts"

/** Code that comes in before calls name it. */
export interface LoadRequest {
  readonly type: "load"
  readonly actor: string
  readonly version: string
  readonly code: string
  readonly limits: MachineLimits
}

/** What it is, or why it cannot be used. */
export type LoadReply = { readonly manifest: Manifest } | { readonly problem: string }

/** Calls, in order, and the instances that need not be kept any longer. */
export interface RunRequest {
  readonly type: "run"
  /** Whose they are: the same actor and key are another instance in another space. */
  readonly space: number
  readonly calls: ReadonlyArray<Call>
  /** By {@link residentOf}, of any space. */
  readonly forget: ReadonlyArray<string>
}

/** By which an instance is known where the code runs. */
export const residentOf = (space: number, id: string): string => `${space}:${id}`

/** Whether the other side has an instance as it stands here. */
export type IsThere = (id: string, instance: Instance) => boolean

export const encodeLoad = ({ code, ...request }: LoadRequest): Uint8Array => packMessage(request, [code])

export const encodeRun = (
  { space, calls, forget }: Omit<RunRequest, "type">,
  isThere: IsThere,
): Uint8Array => {
  const texts = new Texts()
  const sent = new Set<string>()
  const packed = calls.map((call) => {
    const { instance, input, state, seed, ...fields } = call as Call & Partial<Everything>
    return {
      ...fields,
      ...(input === undefined ? {} : { input: texts.put(JSON.stringify(input)) }),
      ...(state === undefined ? {} : { state: texts.put(JSON.stringify(state)) }),
      ...(seed === undefined ? {} : { seed: seed.toBase64() }),
      ...("key" in call
        ? { instance: packInstance(idOf(call.actor, call.key), instance, texts, isThere, sent) }
        : {}),
    }
  })
  return packMessage({ type: "run", space, calls: packed, forget }, texts.all)
}

/** What comes in where the code runs. `resident`: what was left there. */
export const decodeRequest = (
  bytes: Uint8Array,
  resident: ReadonlyMap<string, Instance>,
): LoadRequest | RunRequest => {
  const { document, text } = unpackMessage(bytes)
  const request = document as { readonly type: string } & PackedRun & Omit<LoadRequest, "type" | "code">
  if (request.type === "load") return { ...request, type: "load", code: text(0) }
  // What came along with a call, those behind it may name.
  const arrived = new Map<string, Instance>()
  const { space, forget } = request
  const held = (id: string) => arrived.get(id) ?? resident.get(residentOf(space, id))
  const calls = request.calls.map((packed) => {
    const { instance, input, state, seed, ...fields } = packed
    return {
      ...fields,
      ...(input === undefined ? {} : { input: parseCanonical(text(input)) }),
      ...(state === undefined ? {} : { state: parseCanonical(text(state)) }),
      ...(seed === undefined ? {} : { seed: Uint8Array.fromBase64(seed) }),
      ...(instance === undefined ? {} : { instance: unpackInstance(packed, text, held, arrived) }),
    } as unknown as Call
  })
  return { type: "run", space, calls, forget }
}

export const encodeLoadReply = (reply: LoadReply): Uint8Array => packMessage(reply, [])

export const encodeReplies = (replies: ReadonlyArray<Reply>): Uint8Array => {
  const texts = new Texts()
  const packed = replies.map((reply): PackedReply => {
    if (reply.type === "answered") return { type: "answered", text: texts.put(reply.text) }
    if (reply.type !== "reduced") return reply
    const { instance, result, ...fields } = reply
    const left =
      instance === null
        ? null
        : { version: instance.version, index: instance.index, text: texts.put(instance.text) }
    return { ...fields, result: texts.put(result), instance: left }
  })
  return packMessage(packed, texts.all)
}

/** Throws when the bytes are none. */
export const decodeLoadReply = (bytes: Uint8Array): LoadReply => {
  const reply = decodeReply(canonicalise(unpackMessage(bytes).document).json)
  const problem = "manifest" in reply ? manifestProblem(reply.manifest) : null
  return problem === null ? reply : { problem }
}

/** Throws when the bytes are no replies to these calls. */
export const decodeReplies = (bytes: Uint8Array, calls: ReadonlyArray<Call>): ReadonlyArray<Reply> => {
  const { document, text } = unpackMessage(bytes)
  const packed = document as ReadonlyArray<PackedReply>
  if (!Array.isArray(packed) || packed.length > calls.length) throw new Error("other replies than calls")
  return packed.map((reply, at): Reply => {
    const call = calls[at]!
    if (reply.type === "answered") return { type: "answered", text: text(reply.text) }
    if (reply.type !== "reduced") return reply
    if (call.type !== "reduce") throw new Error("a query that changes a state")
    const { instance, result, ...fields } = reply
    const { actor, key, version, index } = call
    const head = { actor, key, revision: reply.revision, version, index }
    return {
      ...fields,
      result: text(result),
      instance: instance === null ? null : Instance.received(idOf(actor, key), head, text(instance.text)),
    }
  })
}

const decodeReply: (reply: unknown) => LoadReply = Schema.decodeUnknownSync(
  Schema.Union([
    Schema.Struct({ manifest: Schema.Struct(manifestFields) }),
    Schema.Struct({ problem: Schema.String }),
  ]),
) as never

/** Every field that some call has, for taking them apart. */
interface Everything {
  readonly instance: Instance | undefined
  readonly input: unknown
  readonly state: unknown
  readonly seed: Uint8Array
}

interface PackedInstance {
  readonly revision: number
  readonly version: string
  readonly index: number
  /** Number of the text; absent: it is there, or comes with a call before. */
  readonly text?: number
}

interface PackedCall {
  readonly actor: string
  readonly key: string
  readonly instance?: PackedInstance | null
  readonly input?: number
  readonly state?: number
  readonly seed?: string
}

interface PackedRun {
  readonly space: number
  readonly calls: ReadonlyArray<PackedCall>
  readonly forget: ReadonlyArray<string>
}

type PackedReply =
  | {
      readonly type: "reduced"
      readonly revision: number
      readonly result: number
      readonly timers: ReadonlyArray<Scheduled>
      readonly events: ReadonlyArray<Emitted>
      readonly instance: { readonly text: number } | null
    }
  | { readonly type: "answered"; readonly text: number }
  | { readonly type: "rejected"; readonly reason: Reason }
  | { readonly type: "refused"; readonly refused: Refused }
  | { readonly type: "faulted"; readonly fault: Fault }

const packInstance = (
  id: string,
  instance: Instance | undefined,
  texts: Texts,
  isThere: IsThere,
  sent: Set<string>,
): PackedInstance | null => {
  if (instance === undefined) return null
  const { revision, version, index } = instance
  const needsText = !sent.has(id) && !isThere(id, instance)
  sent.add(id)
  return { revision, version, index, ...(needsText ? { text: texts.put(instance.text) } : {}) }
}

const unpackInstance = (
  { actor, key, instance }: PackedCall,
  text: (at: number) => string,
  held: (id: string) => Instance | undefined,
  arrived: Map<string, Instance>,
): Instance | undefined => {
  if (instance === null || instance === undefined) return undefined
  const id = idOf(actor, key)
  const { revision, version, index } = instance
  if (instance.text !== undefined) {
    const received = Instance.received(id, { actor, key, revision, version, index }, text(instance.text))
    arrived.set(id, received)
    return received
  }
  const found = held(id)
  if (found?.revision === revision && found.index === index) return found
  throw new Error(`the instance ${id} is not here at revision ${revision}`)
}
