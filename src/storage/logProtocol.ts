// What do the consensus thread and the storage thread say to each other? One request, one reply, in order.

import type { Effect } from "effect"
import type { Entry, Write } from "../consensus/types.ts"
import { BrokenCode } from "./assert.ts"
import { packEntries, unpackEntries } from "./entryCodec.ts"
import type { CompactOptions, LogFile, ReadOptions } from "./LogFile.ts"
import {
  Compacted,
  DataDirectoryRefused,
  type GroupWrite,
  type Identity,
  type LoadedGroup,
  StorageFailed,
  StorageFull,
} from "./LogStore.ts"
import type { LoadOptions } from "./logLoad.ts"

/** Every operation of the core: what it is given, and what it gives. */
export interface LogOperations {
  readonly open: (directory: string, identity: Identity, reserveBytes: number | null) => void
  readonly rememberIncarnation: (peer: string, incarnation: string) => "known" | "another"
  readonly incarnations: () => ReadonlyMap<string, string>
  readonly load: (options: LoadOptions) => LoadedGroup
  readonly write: (batch: ReadonlyArray<GroupWrite>) => void
  readonly read: (options: ReadOptions) => ReadonlyArray<Entry>
  readonly moveBase: (options: CompactOptions) => void
  readonly sweep: (group: string) => boolean
  readonly installed: (group: string) => void
  readonly forget: (group: string) => void
  readonly sweepForgotten: () => boolean
  readonly giveRoom: () => void
  readonly outrun: (sequence: number) => void
  readonly idle: () => void
  readonly close: () => void
}

export type LogOperation = keyof LogOperations

export type LogError = StorageFailed | StorageFull | Compacted | DataDirectoryRefused

/** Runs one operation of the core, wherever that lives. */
export type LogCall = <O extends LogOperation>(
  operation: O,
  ...values: Parameters<LogOperations[O]>
) => Effect.Effect<ReturnType<LogOperations[O]>, LogError>

/** The core, wherever it lives. */
export interface LogCore {
  readonly call: LogCall
  /** As of its last answer. */
  readonly isShort: () => boolean
  /** As of its last answer. */
  readonly sequence: () => number
}

/** The entries of a batch travel as one buffer, handed over and not copied. */
export interface LogRequest {
  readonly id: number
  readonly operation: LogOperation
  readonly arguments: ReadonlyArray<unknown>
  readonly entries: Uint8Array<ArrayBuffer> | null
}

export interface LogReply {
  readonly id: number
  readonly result: unknown
  readonly entries: Uint8Array<ArrayBuffer> | null
  readonly error: { readonly tag: string; readonly fields: Readonly<Record<string, unknown>> } | null
  /** Whether the disk is short of room. */
  readonly isShort: boolean
  /** How many commits the log counts. */
  readonly sequence: number
}

export const packBatch = (batch: ReadonlyArray<GroupWrite>) => {
  const entries: Array<Entry> = []
  const counted = batch.map(({ group, write }) => {
    for (const entry of write.entries) entries.push(entry)
    return { group, write: { ...write, entries: [] }, count: write.entries.length }
  })
  return { counted, entries: packEntries(entries) }
}

export const unpackBatch = (
  counted: ReadonlyArray<{ readonly group: string; readonly write: Write; readonly count: number }>,
  packed: Uint8Array,
): ReadonlyArray<GroupWrite> => {
  const entries = unpackEntries(packed)
  let at = 0
  return counted.map(({ group, write, count }) => {
    at += count
    return { group, write: { ...write, entries: entries.slice(at - count, at) } }
  })
}

/** Runs one operation; the store itself comes with `open`. */
export const runOperation = (
  store: LogFile,
  operation: Exclude<LogOperation, "open">,
  values: ReadonlyArray<unknown>,
): unknown => (store[operation] as (...values: ReadonlyArray<unknown>) => unknown).apply(store, [...values])

/** Errors do not survive the way between threads with their class: they travel as their fields. */
export const packError = (error: unknown): NonNullable<LogReply["error"]> => {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof StorageFailed) {
    return { tag: error._tag, fields: { operation: error.operation, message } }
  }
  if (error instanceof StorageFull) return { tag: error._tag, fields: { operation: error.operation } }
  if (error instanceof Compacted) {
    return { tag: error._tag, fields: { index: error.index, baseIndex: error.baseIndex } }
  }
  if (error instanceof DataDirectoryRefused) {
    return { tag: error._tag, fields: { directory: error.directory, reason: error.reason } }
  }
  return { tag: error instanceof BrokenCode ? "BrokenCode" : "Unknown", fields: { message } }
}

export const unpackError = ({ tag, fields }: NonNullable<LogReply["error"]>): LogError | BrokenCode => {
  const text = (name: string): string => String(fields[name])
  const number = (name: string): number => Number(fields[name])
  switch (tag) {
    case "StorageFull":
      return new StorageFull({ operation: text("operation") })
    case "Compacted":
      return new Compacted({ index: number("index"), baseIndex: number("baseIndex") })
    case "DataDirectoryRefused":
      return new DataDirectoryRefused({ directory: text("directory"), reason: text("reason") })
    case "BrokenCode":
      return new BrokenCode(text("message"))
    default: {
      const operation = tag === "StorageFailed" ? text("operation") : "unknown"
      return new StorageFailed({ operation, message: text("message"), cause: tag })
    }
  }
}
