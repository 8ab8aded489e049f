// What do the bodies of the routes about actors look like, as JSON Schema 2020-12?

import { count, names, object, orNull, text } from "./openapiShapes.ts"

const version = { ...text, description: "A version's id: the hash of its code." }
const declared = { ...count, description: "The number that its author counts the shapes of the state by." }
const millis = { ...count, description: "Log time, ms since 1970." }
const fault = { enum: ["deadline", "memory", "overflow", "crash", "load"] }

const issues = {
  type: "array",
  items: object({ path: { ...text, description: "JSON pointer; empty: the whole state." }, message: text }),
  description: "What does not fit, and where: the first of it. Empty where that is no matter of places.",
}

const difference = object({
  added: names,
  removed: names,
  changed: {
    type: "array",
    items: object({ name: text, what: { type: "array", items: { enum: ["input", "output"] } } }),
  },
})

const versionRow = object({
  version,
  declared,
  by: { ...text, description: "The node at whose door it came in." },
  source: { enum: ["file", "upload"], description: "`file`: from that node's actors directory." },
  index: { ...count, description: "The entry that registered it." },
  at: millis,
  bytes: count,
  commands: names,
  queries: names,
  hasLeading: { type: "boolean", description: "Something of it runs where its group leads." },
  group: { ...orNull("string"), description: "The group that its definition names." },
  shards: { ...orNull("integer"), description: "How many groups it is spread over, by its definition." },
  instances: { ...count, description: "That it wrote last." },
})

const quarantined = object(
  {
    key: text,
    version,
    command: text,
    input: { description: "The value; its text's beginning where `truncated`." },
    truncated: { type: "boolean" },
    unreadable: { type: "boolean" },
    fault,
    detail: text,
    index: { ...count, description: "The entry that put it there." },
    at: millis,
    revision: count,
    by: { ...text, description: "The node whose host failed." },
    voided: {
      type: "boolean",
      description: "The command was in the log already; it may have been acknowledged before it was voided.",
    },
  },
  [
    "key",
    "version",
    "command",
    "input",
    "truncated",
    "fault",
    "detail",
    "index",
    "at",
    "revision",
    "by",
    "voided",
  ],
)

export const actorSchemas = {
  Actors: object({
    actors: {
      type: "array",
      items: object({
        name: text,
        active: { ...orNull("string"), description: "Null: none has ever been switched on." },
        previous: { ...orNull("string"), description: "Where a rollback leads." },
        activatedAt: { ...count, description: "The entry that switched the active one on." },
        suspendedSince: {
          ...orNull("integer"),
          description: "The entry from which on none of its instances takes a command. Null: they do.",
        },
        versions: { type: "array", items: versionRow },
        offers: {
          type: "object",
          additionalProperties: object({ version, declared }),
          description: "By node: what it has in its actors directory.",
        },
        quarantined: { type: "array", items: quarantined, description: "The first of them." },
        quarantinedCount: count,
      }),
    },
  }),
  ActorCode: {
    ...object(
      {
        source: { ...text, description: "The TypeScript of one file." },
        bundle: { ...text, description: "A module as `raftlet deploy` bundles it." },
      },
      [],
    ),
    additionalProperties: false,
    description: "One of the two.",
  },
  PlanRequest: {
    ...object({ version, source: text, bundle: text }, []),
    additionalProperties: false,
    description: "At most one of the three; without any, the latest version is meant.",
  },
  Uploaded: object({
    actor: text,
    version,
    declared,
    known: { type: "boolean", description: "True: it was there already." },
    commands: names,
    queries: names,
    index: count,
  }),
  Plan: object({
    actor: text,
    from: { anyOf: [{ type: "null" }, object({ version, declared })], description: "The active version." },
    to: object({ version, declared }),
    activatedAt: { ...count, description: "The entry that switched `from` on." },
    commands: difference,
    queries: difference,
    stateChanged: { type: "boolean", description: "Whether the shape of the state is another." },
    states: object({
      checked: { ...count, description: "Stored states that were brought to the version." },
      of: count,
      isCutShort: {
        type: "boolean",
        description: "True: the code failed its host, and the rest was not checked.",
      },
      failed: count,
      failures: { type: "array", items: object({ key: text, code: text, message: text, issues }) },
      withoutStep: {
        type: "array",
        items: count,
        description: "Declared versions that no step leads to: their states must fit as they are.",
      },
    }),
    replay: object({
      commands: { ...count, description: "Commands of the log that both versions ran on the states of now." },
      same: count,
      isCutShort: { type: "boolean" },
      different: {
        type: "array",
        items: object({ key: text, command: text, index: count, before: text, after: text }),
      },
    }),
    rollback: object({ possible: { type: "boolean" }, withoutStep: { type: "array", items: count } }),
    hindrances: { ...names, description: "Why it cannot be switched on; empty: nothing is in its way." },
    isForcible: {
      type: "boolean",
      description: "There are some, and a rollback with `force` passes all of them.",
    },
    token: { ...text, description: "For `activate`: it stands for this pair of versions and no other." },
  }),
  Switched: object({
    actor: text,
    active: version,
    previous: orNull("string"),
    changed: { type: "boolean", description: "False: it was active already." },
    index: count,
  }),
  Repair: {
    ...object(
      { with: { enum: ["before", "rerun", "state"] }, state: { description: "With `state` alone." } },
      ["with"],
    ),
    additionalProperties: false,
  },
  Repaired: object(
    {
      actor: text,
      key: text,
      how: { enum: ["before", "rerun", "state"] },
      revision: count,
      state: { description: "Of a given one: as it is stored." },
      result: { description: "Of a rerun: what the command returned." },
      index: count,
    },
    ["actor", "key", "how", "revision", "index"],
  ),
}
