// Which parts of a node's answers does the command line go by? What else they hold is shown, or let be.

import { Schema } from "effect"

const Names = Schema.Array(Schema.String)

/**
 * `outgoing` is not empty while one set of voters is left for another; then both must agree to everything. `resetFrom`:
 * the voters whose lost majority it has replaced.
 */
const Configuration = Schema.Struct({
  voters: Names,
  outgoing: Names,
  learners: Names,
  resetFrom: Schema.optionalKey(Names),
})

/** A change of members under way. `goal`: where it leads once its newcomers have caught up. */
const Change = Schema.Struct({
  voters: Names,
  outgoing: Names,
  goal: Schema.NullOr(Schema.Struct({ voters: Names, learners: Names })),
  /** Those that have yet to follow what `main` has done. */
  groups: Schema.optionalKey(Names),
})

/** `GET /admin/cluster` */
export const ClusterAnswer = Schema.Struct({
  clusterId: Schema.String,
  leader: Schema.NullOr(Schema.String),
  term: Schema.Finite,
  members: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      role: Schema.String,
      peer: Schema.String,
      client: Schema.String,
      zone: Schema.optionalKey(Schema.NullOr(Schema.String)),
      state: Schema.NullOr(Schema.String),
      matchIndex: Schema.NullOr(Schema.Finite),
      lag: Schema.NullOr(Schema.Finite),
      lastContactMs: Schema.NullOr(Schema.Finite),
      whole: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    }),
  ),
  change: Schema.optionalKey(Schema.NullOr(Change)),
})
export type ClusterAnswer = typeof ClusterAnswer.Type

/** `GET /admin/node` */
export const NodeAnswer = Schema.Struct({
  id: Schema.String,
  clusterId: Schema.String,
  version: Schema.String,
  groups: Schema.Array(
    Schema.Struct({
      group: Schema.String,
      role: Schema.String,
      term: Schema.Finite,
      leader: Schema.NullOr(Schema.String),
      commitIndex: Schema.Finite,
      appliedIndex: Schema.Finite,
      snapshotIndex: Schema.Finite,
      persistedIndex: Schema.optionalKey(Schema.Finite),
      standing: Schema.optionalKey(Schema.String),
      parted: Schema.optionalKey(Schema.NullOr(Schema.Unknown)),
      seats: Schema.optionalKey(Schema.NullOr(Names)),
    }),
  ),
})
export type NodeAnswer = typeof NodeAnswer.Type

/** `GET /admin/log` */
export const LogAnswer = Schema.Struct({
  firstIndex: Schema.Finite,
  lastIndex: Schema.Finite,
  entries: Schema.Array(
    Schema.Struct({
      index: Schema.Finite,
      term: Schema.Finite,
      time: Schema.String,
      kind: Schema.String,
      actor: Schema.optionalKey(Schema.String),
      key: Schema.optionalKey(Schema.String),
      command: Schema.optionalKey(Schema.String),
      input: Schema.optionalKey(Schema.Unknown),
      truncated: Schema.optionalKey(Schema.Boolean),
      timer: Schema.optionalKey(Schema.String),
      unreadable: Schema.optionalKey(Schema.Boolean),
      configuration: Schema.optionalKey(Configuration),
    }),
  ),
  next: Schema.NullOr(Schema.Finite),
})
export type LogAnswer = typeof LogAnswer.Type
export type LogEntry = LogAnswer["entries"][number]
