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
  /**
   * The members of the first configuration, this node among them; a later one in the log outranks it. Empty for a node
   * that joins a cluster.
   */
  readonly cluster: Readonly<Record<string, NodeAddress>>
  /** Who is there, and where, by the word of whoever starts this node now, or has started it last with other addresses. */
  readonly contacts: Readonly<Record<string, NodeAddress & { readonly insteadOf?: string }>>
  /** These contacts are new to a node that has run before: what its configuration says instead is to be kept. */
  readonly hasNewContacts: boolean
  /** Whom to ask to be taken in; null for a member of the first configuration. */
  readonly join: {
    readonly urls: ReadonlyArray<string>
    readonly role: "voter" | "learner"
    /** It asks even if it takes itself for a member: the others do not know it, or not where it is by now. */
    readonly anyway: boolean
  } | null
  /** Where peers reach it: `host:port`. */
  readonly peer: string
  /** Where clients are served. */
  readonly listen: HostPort
  /** Where clients and the other nodes find what is served there: `http://host:port`; empty when nobody has said. */
  readonly client: string
  /** Where peers are served. */
  readonly peerListen: HostPort
  /** Absolute path. */
  readonly data: string
  /** Absolute path. */
  readonly actors: string
  readonly insecure: boolean
  /** What is kept for when the disk is full; null: as much as is usual. */
  readonly diskReserveBytes: number | null
  /** Threads that the state machines of its groups are spread over. */
  readonly threads: number
  /** Null: it does not say. */
  readonly zone: string | null
  /** To be kept in the data directory, and given back by `remembered` on the next start. */
  readonly startOptions: StartOptions
}

/** Which backup becomes which node, checked. */
export interface RestoreOptions {
  /** Of the one group there is, or a directory with one of each group. */
  readonly file: string
  /** Absolute path. */
  readonly data: string
  readonly id: string
  /** The members of the new cluster, this node among them. */
  readonly cluster: Readonly<Record<string, NodeAddress>>
  /** The new cluster's id, from the SHA-256 of what it is made of. */
  readonly clusterIdOf: (fileHash: string) => string
  /** To be kept in the data directory, for the first start. */
  readonly startOptions: StartOptions
}

/** What a node was made of. */
export interface Restored {
  readonly clusterId: string
  /** `main` first. */
  readonly groups: ReadonlyArray<RestoredGroup>
  /** Actors of which FILE has only what one of their groups had. */
  readonly parts: ReadonlyArray<RestoredPart>
}

export interface RestoredPart {
  readonly actor: string
  readonly instances: number
  readonly slots: number
  readonly slotsInAll: number
}

export interface RestoredGroup {
  readonly group: string
  readonly index: number
  readonly term: number
  /** Hash of the whole state, as all nodes have it at that index. */
  readonly digest: string
  readonly instances: number
  readonly timers: number
}

/** Which file of a directory is the backup of which group, all of one cluster. */
export interface BackupList {
  readonly clusterId: string
  readonly groups: ReadonlyArray<{
    readonly group: string
    readonly file: string
    /** Hexadecimal. */
    readonly sha256: string
  }>
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
  /** Makes the data directory, at once and whole, or fails with the one line to show and leaves nothing. */
  readonly restore: (options: RestoreOptions) => Effect.Effect<Restored, CliFailure>
  /**
   * Writes the list into a directory of backups, which makes them one that can be restored. A text: why they are no whole cluster
   * of one moment; then nothing was written, and it can be tried with others.
   */
  readonly seal: (directory: string, list: BackupList) => Effect.Effect<string | null, CliFailure>
}
