// What do the bodies look like, as JSON Schema 2020-12?

import { logInputMax } from "./log.ts"
import { actorSchemas } from "./openapiActorSchemas.ts"
import { count, names, object, orNull, text } from "./openapiShapes.ts"
import { problemTable } from "./problem.ts"
import { proposalsMax } from "./propose.ts"

const ids = names
const members = {
  type: "array",
  items: {
    anyOf: [text, object({ id: text, peer: text, client: text, incarnation: text }, ["id", "peer"])],
  },
}
const force = {
  incarnation: text,
  priority: {
    type: "integer",
    minimum: 0,
    maximum: 1000,
    description: "Who leads rather than others; 0: never.",
  },
  force: {
    type: "boolean",
    description:
      "Also when too few of the new voters are alive, or a node that lives would lose its name, address or vote.",
  },
}

const range = (description: string) => ({
  anyOf: [{ type: "null" }, object({ from: count, to: count })],
  description,
})

const slot = { type: "integer", minimum: 0, maximum: 65_535 }
const slots = { type: "array", items: object({ from: slot, to: slot }) }

const position = { revision: count, index: count }

const survivor = object({
  id: text,
  term: count,
  lastTerm: count,
  lastIndex: count,
  commitIndex: count,
  standing: { enum: ["whole", "suspect"] },
})

const configuration = {
  ...object({ voters: names, outgoing: names, learners: names, resetFrom: names }, [
    "voters",
    "outgoing",
    "learners",
  ]),
  description:
    "`outgoing` is not empty while one set of voters is left for another. `resetFrom`, of a lost majority: who voted before.",
}

/** Of what users have run in a thread beside the node. */
const lastFailure = {
  anyOf: [
    { type: "null" },
    object({ kind: { enum: ["failed", "crash", "memory", "deadline", "load"] }, detail: text, at: count }),
  ],
}

export const schemas = {
  Accepted: object({
    result: { description: "What the command returned." },
    ...position,
    term: count,
    replayed: { type: "boolean", description: "True: the first attempt's answer." },
  }),
  Proposal: {
    ...object(
      {
        actor: text,
        key: { type: "string", minLength: 1, maxLength: 512 },
        command: text,
        input: { default: null },
        idempotencyKey: { type: "string", minLength: 1, maxLength: 128, pattern: "^[\\x20-\\x7e]{1,128}$" },
        ifRevision: { type: ["integer", "null"], minimum: 0 },
      },
      ["actor", "key", "command"],
    ),
    additionalProperties: false,
  },
  Batch: {
    ...object({
      proposals: { type: "array", maxItems: proposalsMax, items: { $ref: "#/components/schemas/Proposal" } },
    }),
    additionalProperties: false,
  },
  Outcomes: object({
    outcomes: {
      type: "array",
      items: {
        anyOf: [{ $ref: "#/components/schemas/Accepted" }, { $ref: "#/components/schemas/Problem" }],
      },
    },
  }),
  QueryAnswer: object({ result: {}, ...position }),
  StateAnswer: object({ state: {}, ...position }),
  ListAnswer: object(
    {
      instances: { type: "array", items: object({ key: text, revision: count }) },
      next: orNull("string"),
    },
    ["instances", "next"],
  ),
  Node: object({
    id: text,
    clusterId: text,
    pid: count,
    version: text,
    uptimeMs: count,
    listen: text,
    peer: text,
    groups: {
      type: "array",
      items: object({
        group: text,
        role: { enum: ["follower", "candidate", "leader", "learner"] },
        term: count,
        leader: orNull("string"),
        commitIndex: count,
        appliedIndex: count,
        firstIndex: count,
        lastIndex: count,
        lastTerm: count,
        snapshotIndex: count,
        persistedIndex: count,
        standing: { enum: ["whole", "suspect"] },
        ready: { type: "boolean" },
        resting: {
          type: "boolean",
          description: "Nobody wants anything of the group: it has stopped ticking.",
        },
        leaderChanges: count,
        seats: { anyOf: [{ type: "null" }, ids], description: "Who is to run it; null: all members." },
        outcast: { ...orNull("string"), description: "Why every peer refuses a node without a leader." },
        parted: {
          anyOf: [
            { type: "null" },
            object({
              reason: { enum: ["differs", "corrupt", "scrub", "stuck", "missing"] },
              index: count,
              since: count,
            }),
          ],
          description: "Since when, ms since 1970, the node's state is known not to be what the others have.",
        },
        checkpoint: {
          anyOf: [{ type: "null" }, object({ index: count, hash: text })],
          description: "The newest that it has come past. Nodes with the same index have the same hash.",
        },
        leading: {
          type: "array",
          items: object({
            actor: text,
            version: text,
            term: count,
            state: { enum: ["starting", "running", "pausing", "ended"] },
            since: count,
            restarts: { ...count, description: "In this leadership." },
            lastFailure,
          }),
          description: "What actors have run where the group leads: on that node alone.",
        },
      }),
    },
    routes: {
      type: "array",
      items: object({
        actor: text,
        version: text,
        state: { enum: ["starting", "running", "pausing"] },
        since: count,
        restarts: { ...count, description: "Since they were first asked." },
        lastFailure,
        underWay: { ...count, description: "Requests that are not answered to the end." },
      }),
      description: "What answers requests of actors on this node, as far as somebody has asked.",
    },
  }),
  Member: object(
    {
      id: text,
      clusterId: { ...text, description: "Refused by any other cluster." },
      epoch: { ...count, description: "Of the data that it brings: refused in any other one." },
      peer: text,
      client: text,
      role: { enum: ["voter", "learner"] },
      ...force,
    },
    ["id", "peer"],
  ),
  MemberSets: {
    ...object({ voters: members, learners: members, ...force }, ["voters"]),
  },
  Changed: object({
    done: {
      type: "boolean",
      description: "False: it is in the log for good, and waits for newcomers to catch up.",
    },
    index: count,
    term: count,
    voters: ids,
    learners: ids,
    outgoing: { ...ids, description: "Voters of the configuration that is being left; empty when none is." },
    goal: {
      anyOf: [{ type: "null" }, object({ voters: ids, learners: ids })],
      description: "Where the members are going, while newcomers catch up.",
    },
  }),
  Reset: object(
    {
      dryRun: { type: "boolean" },
      done: { type: "boolean" },
      best: { ...text, description: "The survivor whose log is the furthest." },
      lostVoters: ids,
      survivors: { type: "array", items: survivor },
      leftOut: { type: "array", items: survivor, description: "Given up, although they answer." },
      committedIndex: { ...count, description: "All that any survivor knows to be committed is kept." },
      uncertain: range("Kept, though no survivor knows whether they were ever acknowledged."),
      onlyOnBest: range("Kept, and on no other survivor's disk."),
      cut: { type: "array", items: object({ id: text, from: count, to: count }), description: "Given up." },
      unknown: text,
    },
    ["dryRun", "done", "best", "survivors"],
  ),
  EachGroup: object({
    groups: {
      type: "array",
      items: {
        ...object({ group: text, status: { type: "integer" } }),
        description:
          "With the fields that the group alone would have been answered with, or those of a problem.",
      },
    },
  }),
  Transferred: object({ leader: text, term: count }),
  Groups: object({
    groups: {
      type: "array",
      items: object({
        group: text,
        founded: { ...count, description: "The entry of `main` that opened it; 0: it was always there." },
        leader: orNull("string"),
        term: orNull("integer"),
        role: { enum: ["follower", "candidate", "leader", "learner", null] },
        members: {
          anyOf: [
            { type: "null" },
            object({
              voters: ids,
              learners: ids,
              outgoing: ids,
              goal: { anyOf: [{ type: "null" }, object({ voters: ids, learners: ids })] },
            }),
          ],
          description:
            "Null, as leader and term are, where neither this node nor anybody whom it has reached runs it.",
        },
        replicas: { ...orNull("integer"), description: "How many members are to run it; null: all." },
        seats: {
          anyOf: [{ type: "null" }, ids],
          description: "Who is to run it; null: all members.",
        },
        settled: { type: "boolean", description: "Its voters are those who have a seat." },
      }),
    },
  }),
  GroupsOpened: object({
    groups: {
      type: "array",
      items: object({ group: text, founded: count, isNew: { type: "boolean" }, leader: orNull("string") }),
    },
    done: { type: "boolean" },
  }),
  Rebalanced: object({
    moves: {
      type: "array",
      items: object({ group: text, from: text, to: text, outcome: { enum: ["done", "failed", "left"] } }, [
        "group",
        "from",
        "to",
      ]),
    },
    done: { type: "boolean" },
  }),
  Shards: object(
    {
      actors: {
        type: "array",
        items: object({
          actor: text,
          shards: { type: "array", items: object({ group: text, from: slot, to: slot }) },
          move: {
            anyOf: [
              { type: "null" },
              object({
                id: count,
                from: text,
                to: text,
                slots,
                by: text,
                step: { enum: ["releasing", "copying", "adopted", "dropping"] },
                portions: {
                  type: ["integer", "null"],
                  description: "Of what belongs to the keys, those that have arrived.",
                },
              }),
            ],
            description: "Keys that are on their way from one group to another.",
          },
          refused: {
            anyOf: [{ type: "null" }, object({ move: count, reason: text })],
            description: "The newest split that was not begun, and why.",
          },
        }),
      },
      instance: {
        ...object({ actor: text, key: text, slot, group: text }),
        description: "Of the key that was asked for.",
      },
    },
    ["actors"],
  ),
  ShardSplit: object({
    actor: text,
    move: { ...count, description: "The entry of `main` that began it." },
    from: text,
    to: text,
    slots,
    done: { type: "boolean" },
  }),
  PeerAnswer: {
    type: "object",
    properties: {
      answer: { description: "Of all but `propose`." },
      answers: { type: "array", description: "Of `propose`: one for each command." },
      leader: orNull("string"),
      term: count,
    },
    required: ["leader", "term"],
  },
  GroupClosed: object({ group: text, isClosed: { const: true } }),
  Cluster: object({
    clusterId: text,
    leader: orNull("string"),
    term: count,
    change: {
      anyOf: [
        { type: "null" },
        object({
          voters: ids,
          outgoing: ids,
          goal: { anyOf: [{ type: "null" }, object({ voters: ids, learners: ids })] },
          groups: { ...ids, description: "Those that have yet to follow `main`." },
        }),
      ],
      description: "The change of members that is under way.",
    },
    members: {
      type: "array",
      items: object({
        id: text,
        role: { enum: ["voter", "learner"] },
        zone: { ...orNull("string"), description: "What fails together with it, as it says itself." },
        peer: text,
        client: text,
        state: { enum: ["probe", "replicate", "snapshot", null] },
        matchIndex: orNull("integer"),
        lag: orNull("integer"),
        lastContactMs: orNull("number"),
        whole: orNull("boolean"),
      }),
    },
  }),
  Log: object({
    firstIndex: { ...count, description: "The first that this log still holds." },
    lastIndex: { ...count, description: "The last that is committed, as far as this node knows." },
    entries: {
      type: "array",
      items: object(
        {
          index: count,
          term: count,
          time: {
            type: "string",
            format: "date-time",
            description:
              "The log's time: the leader's clock, never falling; a no-op has that of the entry before.",
          },
          kind: { enum: ["noop", "command", "configuration"] },
          actor: text,
          key: text,
          command: text,
          input: { description: "The value; its text's beginning where `truncated`." },
          truncated: {
            type: "boolean",
            description: `The input's text is longer than ${logInputMax} characters.`,
          },
          idempotencyKey: text,
          version: { type: "string", description: "Of the code that runs the command." },
          caller: { type: "string", description: "Name of the token that proposed it." },
          timer: { type: "string", description: "The timer that fired it." },
          unreadable: { type: "boolean", description: "True: this node cannot say what it holds." },
          configuration,
        },
        ["index", "term", "time", "kind"],
      ),
    },
    next: { ...orNull("integer"), description: "`from` of the next page; null: nothing more is committed." },
  }),
  ...actorSchemas,
  Snapshot: object({ index: count, term: count, id: text, bytes: count }),
  Problem: {
    ...object({
      type: { type: "string", format: "uri" },
      title: text,
      status: { type: "integer" },
      detail: text,
      code: { enum: Object.keys(problemTable) },
      outcome: { enum: ["rejected", "unknown"], description: "unknown: retry with the same key." },
      retryable: { type: "boolean" },
    }),
    description:
      "RFC 9457; some codes add members, such as `revision`, or `issues`: places (`path`, a JSON pointer) and messages, with `invalid-input`, and with `rejected` where the `reason` is an `incompatible-state`.",
  },
}
