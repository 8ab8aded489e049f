// A node's storage walks through everything that it ever does to its disk, on one thread, so that the N-th call to
// the system is the same one in every run. What must be there after each step stands beside the step.

import { openSync, writeSync } from "node:fs"
import { createSnapshot } from "../../src/storage/snapshotFiles.ts"
import { entriesOf, initial, writeOf } from "./support.ts"
import {
  arrive,
  arrivedOf,
  type Found,
  flush,
  inDirectory,
  installInto,
  makeOther,
  type Walk,
  write,
} from "./walkDisk.ts"

interface Step {
  readonly name: string
  readonly take: (walk: Walk) => void
  readonly change: Partial<Found>
}

/** Of the snapshot that the walk is given. */
export const arrivedIndex = 100

const nothing: Found = {
  term: 0,
  votedFor: null,
  baseIndex: 0,
  terms: [],
  stateIndex: 0,
  snapshotIndex: 0,
  otherTerms: null,
}

const many = (count: number, term: number): ReadonlyArray<number> => new Array<number>(count).fill(term)

/** In the order in which a node would come to them. Each is there as a whole or not at all. */
export const steps: ReadonlyArray<Step> = [
  {
    name: "a vote",
    take: (walk) => write(walk, { hardState: { term: 1, votedFor: "n1" } }),
    change: { term: 1, votedFor: "n1" },
  },
  {
    name: "an append",
    take: (walk) => write(walk, { entries: entriesOf(1, 14, 1) }),
    change: { terms: many(14, 1) },
  },
  {
    name: "a truncation, an append and a term in one",
    take: (walk) =>
      write(walk, {
        hardState: { term: 2, votedFor: null },
        truncateFrom: 12,
        entries: entriesOf(12, 15, 2),
      }),
    change: { term: 2, votedFor: null, terms: [...many(11, 1), ...many(4, 2)] },
  },
  {
    name: "a truncation",
    take: (walk) => write(walk, { truncateFrom: 15 }),
    change: { terms: [...many(11, 1), ...many(3, 2)] },
  },
  { name: "a flush", take: (walk) => flush(walk, 10, 1), change: { stateIndex: 10 } },
  { name: "a sync of the mark", take: ({ log }) => log.idle(), change: {} },
  { name: "a checkpoint of the log", take: ({ log }) => log.idle(), change: {} },
  {
    name: "a snapshot",
    take: ({ directory }) => void createSnapshot(directory),
    change: { snapshotIndex: 10 },
  },
  {
    name: "another vote",
    take: (walk) => write(walk, { hardState: { term: 3, votedFor: "n2" } }),
    change: { term: 3, votedFor: "n2" },
  },
  {
    name: "another append",
    take: (walk) => write(walk, { entries: entriesOf(15, 20, 3) }),
    change: { terms: [...many(11, 1), ...many(3, 2), ...many(6, 3)] },
  },
  { name: "another flush", take: (walk) => flush(walk, 20, 3), change: { stateIndex: 20 } },
  {
    name: "another snapshot",
    take: ({ directory }) => void createSnapshot(directory),
    change: { snapshotIndex: 20 },
  },
  {
    name: "a cut behind the flush",
    take: ({ log }) =>
      log.moveBase({ group: "main", through: { index: 18, term: 3 }, configuration: initial }),
    change: { baseIndex: 18, terms: many(2, 3) },
  },
  { name: "the sweep behind the cut", take: ({ log }) => void log.sweep("main"), change: {} },
  { name: "another sync of the mark", take: ({ log }) => log.idle(), change: {} },
  { name: "another checkpoint of the log", take: ({ log }) => log.idle(), change: {} },
  { name: "the arrival of a snapshot", take: (walk) => arrive(walk), change: {} },
  {
    name: "the log's move onto the snapshot",
    take: (walk) =>
      write(walk, {
        install: { index: arrivedIndex, term: 3, configuration: initial, snapshotId: arrivedOf(walk).id },
      }),
    // The state follows at the next start.
    change: { baseIndex: arrivedIndex, terms: [], stateIndex: arrivedIndex },
  },
  { name: "the install", take: (walk) => installInto(walk, arrivedOf(walk).id), change: {} },
  { name: "the note that it is installed", take: ({ log }) => log.installed("main"), change: {} },
  {
    name: "an append behind the snapshot",
    take: (walk) => write(walk, { entries: entriesOf(arrivedIndex + 1, arrivedIndex + 3, 3) }),
    change: { terms: many(3, 3) },
  },
  {
    name: "a flush behind the snapshot",
    take: (walk) => flush(walk, arrivedIndex + 2, 3),
    change: { stateIndex: arrivedIndex + 2 },
  },
  { name: "another group", take: ({ log }) => makeOther(log), change: { otherTerms: [] } },
  {
    name: "an append to both",
    take: ({ log }) =>
      log.write([
        { group: "other", write: writeOf({ entries: entriesOf(1, 3, 4) }) },
        { group: "main", write: writeOf({ entries: entriesOf(arrivedIndex + 4, arrivedIndex + 5, 4) }) },
      ]),
    change: { otherTerms: many(3, 4), terms: [...many(3, 3), ...many(2, 4)] },
  },
  { name: "a third sync of the mark", take: ({ log }) => log.idle(), change: {} },
  {
    name: "the end of the other group",
    take: ({ log }) => log.forget("other"),
    change: { otherTerms: null },
  },
  { name: "the sweep of its rows", take: ({ log }) => void log.sweepForgotten(), change: {} },
  { name: "the note that it is swept", take: ({ log }) => void log.sweepForgotten(), change: {} },
  { name: "another group of its name", take: ({ log }) => makeOther(log), change: { otherTerms: [] } },
  { name: "a fourth sync of the mark", take: ({ log }) => log.idle(), change: {} },
]

/** What a node must find that was stopped after so many steps. */
export const foundAfter = (count: number): Found =>
  Object.assign({ ...nothing }, ...steps.slice(0, count).map(({ change }) => change))

/** Writes down how many steps it has taken, each time before it goes on: by this the walk and its calls are told apart. */
if (import.meta.main) {
  const [directory, said, path, id, bytes] = process.argv.slice(2) as [string, string, string, string, string]
  const file = openSync(said, "a")
  try {
    inDirectory(directory, { path, id, bytes: Number(bytes) }, (walk) => {
      for (const [at, { take }] of steps.entries()) {
        writeSync(file, `${at}\n`)
        take(walk)
      }
      writeSync(file, `${steps.length}\n`)
    })
    writeSync(file, "closed\n")
  } catch (error) {
    writeSync(file, `failed: ${error}\n`)
    process.exit(1)
  }
}
