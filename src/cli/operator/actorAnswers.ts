// Which parts of a node's answers about actors does the command line go by?

import { Schema } from "effect"

const Texts = Schema.Array(Schema.String)
/** Groups in which another version is active, or none; nodes of before say nothing of groups. */
const Divided = Schema.optionalKey(
  Schema.Array(Schema.Struct({ group: Schema.String, active: Schema.NullOr(Schema.String) })),
)
const inGroup = { group: Schema.optionalKey(Schema.String) }
const Version = Schema.Struct({ version: Schema.String, declared: Schema.Finite })

/** `GET /admin/actors` */
export const ActorsAnswer = Schema.Struct({
  actors: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      groups: Schema.optionalKey(Texts),
      divided: Divided,
      active: Schema.NullOr(Schema.String),
      previous: Schema.NullOr(Schema.String),
      activatedAt: Schema.Finite,
      suspendedSince: Schema.NullOr(Schema.Finite),
      versions: Schema.Array(
        Schema.Struct({
          ...Version.fields,
          by: Schema.String,
          source: Schema.String,
          index: Schema.Finite,
          at: Schema.Finite,
          bytes: Schema.Finite,
          instances: Schema.Finite,
          missingIn: Schema.optionalKey(Texts),
        }),
      ),
      offers: Schema.Record(Schema.String, Version),
      quarantined: Schema.Array(
        Schema.Struct({
          ...inGroup,
          key: Schema.String,
          command: Schema.String,
          input: Schema.Unknown,
          fault: Schema.String,
          detail: Schema.String,
          index: Schema.Finite,
          voided: Schema.Boolean,
        }),
      ),
      quarantinedCount: Schema.Finite,
    }),
  ),
  /** Groups that have not answered. */
  silent: Schema.optionalKey(
    Schema.Array(Schema.Struct({ group: Schema.String, code: Schema.String, detail: Schema.String })),
  ),
})
export type ActorAnswer = (typeof ActorsAnswer.Type)["actors"][number]

/** `POST /admin/actors/{name}/versions` */
export const UploadedAnswer = Schema.Struct({ ...Version.fields, known: Schema.Boolean })

const Difference = Schema.Struct({
  added: Texts,
  removed: Texts,
  changed: Schema.Array(Schema.Struct({ name: Schema.String, what: Texts })),
})

/** `POST /admin/actors/{name}/plan` */
export const PlanAnswer = Schema.Struct({
  actor: Schema.String,
  groups: Schema.optionalKey(Texts),
  divided: Divided,
  from: Schema.NullOr(Version),
  to: Version,
  commands: Difference,
  queries: Difference,
  stateChanged: Schema.Boolean,
  states: Schema.Struct({
    checked: Schema.Finite,
    of: Schema.Finite,
    isCutShort: Schema.Boolean,
    failed: Schema.Finite,
    failures: Schema.Array(
      Schema.Struct({ ...inGroup, key: Schema.String, code: Schema.String, message: Schema.String }),
    ),
    withoutStep: Schema.Array(Schema.Finite),
  }),
  replay: Schema.Struct({
    commands: Schema.Finite,
    same: Schema.Finite,
    isCutShort: Schema.Boolean,
    different: Schema.Array(
      Schema.Struct({
        ...inGroup,
        key: Schema.String,
        command: Schema.String,
        index: Schema.Finite,
        before: Schema.String,
        after: Schema.String,
      }),
    ),
  }),
  rollback: Schema.Struct({ possible: Schema.Boolean, withoutStep: Schema.Array(Schema.Finite) }),
  hindrances: Texts,
  /** Absent: an earlier version's answer. */
  notes: Schema.optionalKey(Texts),
  isForcible: Schema.Boolean,
  token: Schema.String,
})
export type PlanAnswer = typeof PlanAnswer.Type

/** `POST /admin/actors/{name}/activate` and `…/rollback` */
export const SwitchedAnswer = Schema.Struct({
  active: Schema.String,
  previous: Schema.NullOr(Schema.String),
  changed: Schema.Boolean,
  /** Of an actor that lives in one group. */
  index: Schema.optionalKey(Schema.Finite),
  /** Of an actor that lives in several: those that have switched now. */
  groups: Schema.optionalKey(Schema.Array(Schema.Struct({ group: Schema.String, index: Schema.Finite }))),
})
