// What can be asked about the groups themselves? For machines.

import { replicasMax, replicasMin } from "../machine/seats.ts"
import { openedMax } from "./groups.ts"
import { indexHeader, inPath, inQuery, type Json, json, ok, problems, ref, timeout } from "./openapiParts.ts"

const changing = [
  "bad-request",
  "forbidden",
  "too-large",
  "unsupported-media-type",
  "overloaded",
  "no-leader",
  "leadership-lost",
  "shutting-down",
  "timeout",
  "storage-full",
] as const

const name = { type: "string", pattern: "^[A-Za-z][A-Za-z0-9_-]{0,62}$" }

export const groupPaths = (): Json => ({
  "/admin/groups": {
    get: {
      operationId: "groups",
      summary: "All groups of the cluster, as this node knows them",
      responses: {
        ...ok("`main` first", ref("Groups"), indexHeader),
        ...problems("bad-request", "not-ready", "shutting-down"),
      },
    },
    post: {
      operationId: "openGroups",
      summary: "Open groups; answered when each of them has a leader, or time is up",
      parameters: [timeout],
      requestBody: {
        required: true,
        content: json({
          type: "object",
          properties: {
            group: { ...name, description: "One." },
            groups: { type: "array", items: name, minItems: 1, maxItems: openedMax, description: "Many." },
            replicas: {
              type: "integer",
              minimum: replicasMin,
              maximum: replicasMax,
              description:
                "By how many members each is run, in as many zones as there are; without it by all.",
            },
          },
        }),
      },
      responses: {
        ...ok("They are in the log; `done`: and each has a leader", ref("GroupsOpened"), indexHeader),
        ...problems(...changing, "invalid-input", "not-ready"),
      },
    },
  },
  "/admin/groups/{group}": {
    parameters: [inPath("group")],
    delete: {
      operationId: "closeGroup",
      summary: "Close a group: all that it holds goes, and its name is never used again",
      parameters: [timeout],
      responses: {
        ...ok("It is closed", ref("GroupClosed"), indexHeader),
        ...problems(...changing, "not-found", "in-use"),
      },
    },
  },
  "/admin/groups/{group}/ask": {
    parameters: [inPath("group")],
    post: {
      operationId: "askForPeer",
      summary:
        "What a node asks of a member whose group it does not run, for clients of its own: not meant for others",
      parameters: [timeout],
      requestBody: {
        required: true,
        content: json({
          type: "object",
          properties: {
            ask: { type: "string", enum: ["propose", "read", "status", "actors", "plan", "shard", "log"] },
          },
          required: ["ask"],
        }),
      },
      responses: {
        ...ok("The answer, and who leads as far as the member knows", ref("PeerAnswer")),
        ...problems(
          "bad-request",
          "forbidden",
          "too-large",
          "unsupported-media-type",
          "overloaded",
          "not-ready",
          "shutting-down",
        ),
      },
    },
  },
  ...shardPaths,
  ...rebalancePath,
})

const shardPaths: Json = {
  "/admin/shards": {
    get: {
      operationId: "shards",
      summary: "Where actors live that are not in `main`, and what is on its way, as this node knows it",
      parameters: [
        inQuery("actor", { type: "string" }, "Of this one alone; of one that is in `main` there is nothing."),
        inQuery("key", { type: "string" }, "With `actor`: in which group that instance is, or would be."),
      ],
      responses: {
        ...ok("In order of the actors' names", ref("Shards"), indexHeader),
        ...problems("bad-request", "unknown-actor", "not-ready", "shutting-down"),
      },
    },
  },
  "/admin/shards/split": {
    post: {
      operationId: "splitShard",
      summary: "Split a shard of an actor: the upper half of what a group has of it goes to a new group",
      description:
        "Instances go with their state, their timers and what was answered. Answered when it is done, or time is up: then it " +
        "goes on, and `/admin/shards` shows how far it is. Meanwhile commands for the keys that go wait.",
      parameters: [timeout],
      requestBody: {
        required: true,
        content: json({
          type: "object",
          required: ["actor"],
          properties: {
            actor: { type: "string" },
            group: { ...name, description: "Which one; the one with the most slots when it is not said." },
          },
        }),
      },
      responses: {
        ...ok("`done`: it is over; otherwise it goes on", ref("ShardSplit"), indexHeader),
        ...problems(
          ...changing,
          "invalid-input",
          "not-ready",
          "not-found",
          "unknown-actor",
          "in-use",
          "stale",
        ),
      },
    },
  },
}

const rebalancePath: Json = {
  "/admin/rebalance": {
    post: {
      operationId: "rebalance",
      summary: "Spread the leadership of all groups evenly over the nodes, now instead of in a while",
      parameters: [timeout],
      requestBody: {
        required: false,
        content: json({ type: "object", properties: { dryRun: { type: "boolean", default: false } } }),
      },
      responses: {
        ...ok("What was handed over, or in a dry run: what would be", ref("Rebalanced")),
        ...problems("bad-request", "forbidden", "too-large", "unsupported-media-type", "shutting-down"),
      },
    },
  },
}
