// What must the program around the commands provide? All that is live: the node itself, and its directory.

import type { Effect } from "effect"
import type { HostPort, NodeAddress } from "./addresses.ts"
import type { CliFailure } from "./CliFailure.ts"

/** How a node was started: kept in its data directory, so that `node --data DIR` alone starts it again. */
export type StartOptions = Readonly<Record<string, string | number | boolean | null>>

/** What a data directory says about the node that lives there. */
export interface Remembered {
  readonly identity: { readonly clusterId: string; readonly nodeId: string }
  readonly startOptions: StartOptions
}

/** Everything that one node needs to know, checked. */
export interface NodeOptions {
  readonly id: string
  readonly clusterId: string
  /** The members of the first configuration, this node among them; a later one in the log outranks it. */
  readonly cluster: Readonly<Record<string, NodeAddress>>
  /** Where clients are served. */
  readonly listen: HostPort
  /** Where peers are served. */
  readonly peerListen: HostPort
  /** Absolute path. */
  readonly data: string
  /** Absolute path. */
  readonly actors: string
  readonly insecure: boolean
  /** What is kept for when the disk is full; null: as much as is usual. */
  readonly diskReserveBytes: number | null
  /** To be kept in the data directory, and given back by `remembered` on the next start. */
  readonly startOptions: StartOptions
}

export interface Platform {
  readonly version: string
  /** The words that start this program again, before its arguments. */
  readonly program: ReadonlyArray<string>
  /** Null when no node lives there yet. */
  readonly remembered: (directory: string) => Effect.Effect<Remembered | null, CliFailure>
  /** Whether a node runs in the directory now. */
  readonly isHeld: (directory: string) => Effect.Effect<boolean, CliFailure>
  /** Runs until it is interrupted, and then ends cleanly. Succeeds never; fails with the one line to show. */
  readonly runNode: (options: NodeOptions) => Effect.Effect<never, CliFailure>
}
