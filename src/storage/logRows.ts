// What stands in the rows of log.db, but for the entries, and when are they to be believed?

import { decodeConfiguration, encodeConfiguration } from "../consensus/configuration.ts"
import type { Configuration, GroupId, NodeId } from "../consensus/types.ts"
import { hashFields, hashToBytes } from "./checksum.ts"
import { LogDamaged, verifyChecksum } from "./damage.ts"

/** Everything about a group but its entries. */
export interface GroupRecord {
  readonly number: number
  readonly group: GroupId
  readonly term: number
  readonly votedFor: NodeId | null
  readonly lastIndex: number
  readonly lastTerm: number
  readonly lastHash: bigint
  /** Empty when whole. */
  readonly suspicion: string
  readonly baseIndex: number
  readonly baseTerm: number
  /** The hash that the entry behind the base continues. */
  readonly baseHash: bigint
  readonly baseConfiguration: Configuration
  readonly pendingInstall: { readonly snapshotId: string; readonly index: number } | null
}

export const schema = `
  CREATE TABLE identity (cluster_id TEXT, node_id TEXT, incarnation TEXT, checksum BLOB);
  CREATE TABLE meta (
    one INTEGER PRIMARY KEY, sequence INTEGER, suspicion TEXT, lost_through INTEGER, checksum BLOB
  );
  CREATE TABLE peers (node_id TEXT, incarnation TEXT, checksum BLOB);
  CREATE TABLE groups (number INTEGER PRIMARY KEY, name TEXT, term INTEGER, voted_for TEXT,
    last_index INTEGER, last_term INTEGER, last_hash TEXT, suspicion TEXT, checksum BLOB);
  CREATE TABLE bases (number INTEGER PRIMARY KEY, base_index INTEGER, base_term INTEGER, base_hash TEXT,
    configuration TEXT, pending_snapshot TEXT, pending_index INTEGER, checksum BLOB);
  CREATE TABLE forgotten (number INTEGER PRIMARY KEY, name TEXT, checksum BLOB);
  CREATE TABLE entries (position INTEGER PRIMARY KEY, term INTEGER, time INTEGER, kind INTEGER, hash BLOB,
    data BLOB)`

export const groupColumns =
  "number, name, term, voted_for, last_index, last_term, last_hash, suspicion, checksum"
export const baseColumns =
  "number, base_index, base_term, base_hash, configuration, pending_snapshot, pending_index, checksum"

export type GroupRow = [number, string, number, string | null, number, number, string, string, Uint8Array]
export type BaseRow = [number, number, number, string, string, string | null, number | null, Uint8Array]

/** The hot row: written with every write of the group. */
export const groupRowOf = (record: GroupRecord): GroupRow => {
  const { number, group, term, votedFor, lastIndex, lastTerm, suspicion } = record
  const fields = [
    number,
    group,
    term,
    votedFor,
    lastIndex,
    lastTerm,
    hex(record.lastHash),
    suspicion,
  ] as const
  return [...fields, hashToBytes(hashFields(...fields))]
}

/** The cold row: written when the base moves. */
export const baseRowOf = (record: GroupRecord): BaseRow => {
  const fields = [
    record.number,
    record.baseIndex,
    record.baseTerm,
    hex(record.baseHash),
    decoder.decode(encodeConfiguration(record.baseConfiguration)),
    record.pendingInstall?.snapshotId ?? null,
    record.pendingInstall?.index ?? null,
  ] as const
  return [...fields, hashToBytes(hashFields(...fields))]
}

/** Throws {@link LogDamaged} unless both rows are what was written. */
export const recordOf = (row: GroupRow, base: BaseRow | undefined): GroupRecord => {
  const [number, group, term, votedFor, lastIndex, lastTerm, lastHash, suspicion, checksum] = row
  const fields = [number, group, term, votedFor, lastIndex, lastTerm, lastHash, suspicion] as const
  verifyChecksum(`the hard state of group ${group}`, checksum, hashFields(...fields))
  if (base === undefined) throw new LogDamaged(`the base of group ${group} is missing`)
  const [, baseIndex, baseTerm, baseHash, configuration, snapshotId, pendingIndex, baseChecksum] = base
  const baseFields = [number, baseIndex, baseTerm, baseHash, configuration, snapshotId, pendingIndex] as const
  verifyChecksum(`the base of group ${group}`, baseChecksum, hashFields(...baseFields))
  return {
    number,
    group,
    term,
    votedFor,
    lastIndex,
    lastTerm,
    lastHash: BigInt(`0x${lastHash}`),
    suspicion,
    baseIndex,
    baseTerm,
    baseHash: BigInt(`0x${baseHash}`),
    baseConfiguration: decodeConfiguration(encoder.encode(configuration)),
    pendingInstall: snapshotId === null || pendingIndex === null ? null : { snapshotId, index: pendingIndex },
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const hex = (hash: bigint): string => hash.toString(16)
