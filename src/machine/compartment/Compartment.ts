// Where do reducers run that must not take the node with them? Bytes in, bytes out, and ended whatever they do.

import { type Effect, Schema } from "effect"

/** A place of its own in which reducers run: a Worker or a child process, with its own heap and thread. */
export interface Compartment {
  /**
   * One request, one answer; requests are served in the order of the calls. `deadlineMillis` counts what the reducers'
   * thread computes, not what passes while others have the CPU; ten times as much may pass at the most. Who stops
   * waiting stops nothing: the request is served, or meets its deadline, all the same.
   * After its first fault a compartment is dead: the calls behind that one, and all later ones, fail with "ended".
   */
  readonly call: (request: Uint8Array, deadlineMillis: number) => Effect.Effect<Uint8Array, CompartmentFault>
  /** What the operating system holds in memory for it now; null where nobody can tell. */
  readonly memoryBytes: Effect.Effect<number | null>
  /** What its thread has computed since it began, in ms of a CPU; null where nobody can tell. */
  readonly cpuMillis: Effect.Effect<number | null>
}

/**
 * No answer, and there will be none. Never an outcome: it says something of this place at this time, and another one
 * may answer the same request.
 *
 * - `deadline`: it computed for too long, or did not answer where nobody can tell what it computed.
 * - `starved`: it did not answer for ten times as long, in which it had less of the CPU than it may have: others did.
 * - `memory`: it held more than it may, or was refused what it asked for.
 * - `crash`: it ended by itself, threw, or said what is no answer.
 * - `ended`: not this call's doing. The compartment was closed, or an earlier call had a fault.
 */
export class CompartmentFault extends Schema.TaggedError<CompartmentFault>()("CompartmentFault", {
  kind: Schema.Literals(["deadline", "starved", "memory", "crash", "ended"]),
  /** What is known, for people: nothing in it is the same on two nodes. */
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.kind}: ${this.detail}`
  }
}

export const fault = (kind: CompartmentFault["kind"], detail: string): CompartmentFault =>
  new CompartmentFault({ kind, detail })

export const tooLarge = (what: "request" | "answer", bytes: number, bytesMax: number): CompartmentFault =>
  fault("crash", `the ${what} has ${bytes} bytes, and ${bytesMax} are allowed`)

export const tooMuchMemory = (bytes: number, bytesMax: number): CompartmentFault =>
  fault("memory", `${bytes} bytes in memory, and ${bytesMax} are allowed`)

export interface CompartmentLimits {
  /** Of one request, and of one answer. */
  readonly frameBytesMax: number
  /**
   * Resident size of a child process, with its garbage and with Bun itself (30 MB). A Worker has no such limit: its
   * memory is the node's.
   */
  readonly memoryBytesMax: number
  /** From the start to the first request: what the entry file imports counts. */
  readonly startMillisMax: number
  /** How far a child stands back when the CPU is short (nice(1)): from 0 to 19. A Worker does not. */
  readonly niceness: number
}

export const defaultLimits: CompartmentLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  memoryBytesMax: 256 * 1024 * 1024,
  startMillisMax: 30_000,
  niceness: 0,
}

export interface CompartmentOptions {
  /** The file that runs inside, and calls `serve`. */
  readonly entry: URL
  readonly limits?: Partial<CompartmentLimits>
}
