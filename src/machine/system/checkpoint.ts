// What is a checkpoint in the log, and what does a machine keep of it? A place at which replicas compare their states.

import type { Entry, Index } from "../../consensus/types.ts"
import { encodeCommand } from "../command.ts"

/** What a machine's state came to at a checkpoint. */
export interface Checkpoint {
  readonly index: Index
  /** Over all instances, outcomes and timers after that entry: equal on all replicas. */
  readonly hash: string
}

/** A command of the system's own: no actor has such a name, and no door lets it in. The same bytes each time. */
export const checkpointCommand: Uint8Array = encodeCommand({
  actor: "$checkpoint",
  key: "",
  command: "",
  input: "null",
  idempotencyKey: "",
  ifRevision: null,
  version: "",
  seed: new Uint8Array(0),
  caller: "",
  door: "",
})

/** It changes nothing, and what became of it is not remembered: only that the state had come there. */
export const isCheckpoint = ({ kind, data }: Pick<Entry, "kind" | "data">): boolean =>
  kind === "command" &&
  data.byteLength === checkpointCommand.byteLength &&
  data.every((byte, at) => byte === checkpointCommand[at])

/** The newest that were applied since the machine was opened. */
export class CheckpointNotes {
  /** Oldest first. */
  #newest: ReadonlyArray<Checkpoint> = []

  get newest(): ReadonlyArray<Checkpoint> {
    return this.#newest
  }

  note(checkpoint: Checkpoint): void {
    this.#newest = [...this.#newest, checkpoint].slice(-checkpointsMax)
  }
}

/** Enough for replicas that are a little late. */
export const checkpointsMax = 16
