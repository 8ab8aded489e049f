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
  hasRoutes: { type: "boolean", description: "It answers requests at /x/NAME." },
  group: { ...orNull("string"), description: "The group that its definition names." },
  shards: { ...orNull("integer"), description: "How many groups it is spread over, by its definition." },
  replicas: { ...orNull("integer"), description: "How many members run each of them; null: all." },
  instances: { ...count, description: "That it wrote last." },
})

const missingIn = { ...names, description: "Groups of the actor that do not have it." }
const groups = { ...names, description: "In which the actor lives, in the order of its slots." }
const oneGroup = { ...text, description: "Of an actor that lives in several." }
const indexOfOne = { ...count, description: "Of an actor that lives in one group." }
const divided = {
  type: "array",
  items: object({ group: text, active: orNull("string") }),
  description: "Groups in which another version is active, or none.",
}

/** All but those. */
const allBut = (properties: Readonly<Record<string, unknown>>, ...optional: ReadonlyArray<string>) =>
  object(
    properties,
    Object.keys(properties).filter((name) => !optional.includes(name)),
  )

const quarantined = object(
  {
    group: text,
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
    "group",
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
        groups,
        active: {
          ...orNull("string"),
          description: "Null: none has ever been switched on. Of several groups: in the first of them.",
        },
        divided,
        previous: { ...orNull("string"), description: "Where a rollback leads." },
        activatedAt: { ...count, description: "The entry that switched the active one on." },
        suspendedSince: {
          ...orNull("integer"),
          description: "The entry from which on none of its instances takes a command. Null: they do.",
        },
        suspendedIn: { ...names, description: "Groups in which it is so." },
        versions: {
          type: "array",
          items: object({ ...versionRow.properties, missingIn }),
        },
        offers: {
          type: "object",
          additionalProperties: object({ version, declared }),
          description: "By node: what it has in its actors directory.",
        },
        quarantined: { type: "array", items: quarantined, description: "The first of them." },
        quarantinedCount: count,
      }),
    },
    silent: {
      type: "array",
      items: object({ group: text, code: text, detail: text }),
      description: "Groups that do not answer: what they have is missing from the sums.",
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
  Uploaded: allBut(
    {
      actor: text,
      version,
      declared,
      known: { type: "boolean", description: "True: it was there already." },
      commands: names,
      queries: names,
      index: indexOfOne,
      groups: {
        type: "array",
        items: object({ group: text, known: { type: "boolean" }, index: count }),
        description: "Of an actor that lives in several.",
      },
    },
    "index",
    "groups",
  ),
  Plan: allBut(
    {
      actor: text,
      groups,
      divided,
      from: { anyOf: [{ type: "null" }, object({ version, declared })], description: "The active version." },
      to: object({ version, declared }),
      activatedAt: { ...indexOfOne, description: "The entry that switched `from` on, in one group." },
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
        failures: {
          type: "array",
          items: allBut({ group: oneGroup, key: text, code: text, message: text, issues }, "group"),
        },
        withoutStep: {
          type: "array",
          items: count,
          description: "Declared versions that no step leads to: their states must fit as they are.",
        },
      }),
      replay: object({
        commands: {
          ...count,
          description: "Commands of the log that both versions ran on the states of now.",
        },
        same: count,
        isCutShort: { type: "boolean" },
        different: {
          type: "array",
          items: allBut(
            { group: oneGroup, key: text, command: text, index: count, before: text, after: text },
            "group",
          ),
        },
      }),
      rollback: object({ possible: { type: "boolean" }, withoutStep: { type: "array", items: count } }),
      hindrances: { ...names, description: "Why it cannot be switched on; empty: nothing is in its way." },
      notes: {
        ...names,
        description:
          "What one should know besides; of an actor as a whole, and not of one group that is named.",
      },
      isForcible: {
        type: "boolean",
        description: "There are some, and a rollback with `force` passes all of them.",
      },
      token: { ...text, description: "For `activate`: it stands for this pair of versions and no other." },
    },
    "divided",
    "activatedAt",
  ),
  Switched: allBut(
    {
      actor: text,
      active: version,
      previous: orNull("string"),
      changed: { type: "boolean", description: "False: it was active already." },
      index: indexOfOne,
      groups: {
        type: "array",
        items: object({
          group: text,
          active: version,
          previous: orNull("string"),
          changed: { type: "boolean" },
          index: count,
        }),
        description: "Of an actor that lives in several: those that this request has switched.",
      },
    },
    "index",
    "groups",
  ),
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
