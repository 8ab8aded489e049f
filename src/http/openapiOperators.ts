// What can operators ask? For machines.

import { logEntriesDefault, logEntriesMax } from "./log.ts"
import {
  commonHeaders,
  group,
  groupOrAll,
  indexHeader,
  inPath,
  inQuery,
  type Json,
  json,
  ofEach,
  ok,
  problems,
  redirect,
  redirected,
  ref,
  timeout,
} from "./openapiParts.ts"
import type { ProblemCode } from "./problem.ts"

/** Members, leadership, log, snapshots, backups. */
export const operatorPaths = (): Json => ({
  "/admin/node": {
    get: {
      operationId: "node",
      summary: "This node",
      parameters: [group],
      responses: { ...ok("This node", ref("Node")), ...problems("bad-request", "not-found") },
    },
  },
  "/admin/cluster": {
    get: {
      operationId: "cluster",
      summary: "The whole cluster, in the leader's words when it can be reached",
      parameters: [groupOrAll, redirect],
      responses: {
        ...ok("The members and how far they are", ref("Cluster")),
        ...ofEach("The same of every group"),
        ...redirected,
        ...problems("bad-request", "not-found", "no-leader", "not-leader"),
      },
    },
  },
  "/admin/log": {
    get: {
      operationId: "log",
      summary: "The committed entries of this node's own log",
      parameters: [
        inQuery(
          "from",
          { type: "integer", minimum: 0, default: 1 },
          "The first index wanted; before the first that the log still holds, that one is meant.",
        ),
        inQuery(
          "limit",
          { type: "integer", minimum: 1, maximum: logEntriesMax, default: logEntriesDefault },
          "Entries per page; a page of large entries has fewer.",
        ),
        group,
        timeout,
      ],
      responses: {
        ...ok("One page; `next` begins the next one", ref("Log"), indexHeader),
        ...problems("bad-request", "not-found", "not-ready", "shutting-down", "timeout"),
      },
    },
  },
  "/admin/snapshot": {
    post: {
      operationId: "snapshot",
      summary: "Make a snapshot on this node and cut its log",
      parameters: [groupOrAll, timeout],
      responses: {
        ...ok("The snapshot", ref("Snapshot")),
        ...ofEach("What became of every group"),
        ...problems(
          "bad-request",
          "forbidden",
          "not-found",
          "too-large",
          "unsupported-media-type",
          "not-ready",
          "shutting-down",
          "timeout",
          "storage-full",
        ),
      },
    },
  },
  "/admin/members": {
    post: {
      operationId: "addMember",
      summary: "Add a member: it catches up as a learner first, then it votes unless its role is learner",
      parameters: [waits, timeout, group, redirect],
      requestBody: { required: true, content: json(ref("Member")) },
      responses: changeResponses(),
    },
    put: {
      operationId: "setMembers",
      summary: "Set any configuration, by joint consensus",
      parameters: [waits, timeout, group, redirect],
      requestBody: { required: true, content: json(ref("MemberSets")) },
      responses: changeResponses(),
    },
  },
  "/admin/members/{id}": {
    parameters: [inPath("id")],
    delete: {
      operationId: "removeMember",
      summary: "Remove a member",
      parameters: [forced, waits, timeout, group, redirect],
      responses: changeResponses("unknown-member"),
    },
  },
  "/admin/members/{id}/promote": {
    parameters: [inPath("id")],
    post: {
      operationId: "promoteMember",
      summary: "Make a learner a voter, as soon as it has caught up",
      parameters: [forced, waits, timeout, group, redirect],
      responses: changeResponses("unknown-member"),
    },
  },
  "/admin/members/{id}/replace": {
    parameters: [inPath("id")],
    post: {
      operationId: "replaceMember",
      summary: "Put a newcomer in a member's place, in one change",
      parameters: [waits, timeout, group, redirect],
      requestBody: { required: true, content: json(ref("Member")) },
      responses: changeResponses("unknown-member"),
    },
  },
  "/admin/transfer": {
    post: {
      operationId: "transferLeadership",
      summary: "Hand leadership over, to a voter or to whoever is furthest",
      parameters: [timeout, groupOrAll, redirect],
      requestBody: {
        required: false,
        content: json({ type: "object", properties: { to: { type: ["string", "null"] } } }),
      },
      responses: {
        ...ok("Who leads now", ref("Transferred")),
        ...ofEach("Of every group that the node leads, or, where `to` is given, of all"),
        ...redirected,
        ...problems(...changeProblems, "unknown-member", "no-successor", "transfer-failed"),
      },
    },
  },
  "/admin/backup": {
    get: {
      operationId: "backup",
      summary: "All state of a group as one SQLite file, with all that was acknowledged before",
      parameters: [group, timeout],
      responses: {
        "200": {
          description: "The file, as of the index and term in the headers",
          headers: {
            ...commonHeaders,
            ...indexHeader,
            "Content-Disposition": { schema: { type: "string" } },
            "Repr-Digest": {
              description: "SHA-256 of the file (RFC 9530): whether it has all come.",
              schema: { type: "string" },
            },
          },
          content: { "application/vnd.sqlite3": { schema: {} } },
        },
        ...problems(
          "bad-request",
          "forbidden",
          "not-found",
          "overloaded",
          "no-leader",
          "not-ready",
          "shutting-down",
          "timeout",
          "storage-full",
        ),
      },
    },
  },
  "/admin/reset": {
    post: {
      operationId: "resetMajority",
      summary: "Majority lost for good: let survivors go on with the log of the node that is asked",
      parameters: [timeout, groupOrAll],
      requestBody: {
        required: true,
        content: json({
          type: "object",
          required: ["voters"],
          properties: {
            voters: { type: "array", items: { type: "string" } },
            dryRun: { type: "boolean", default: true, description: "Only say what would be lost." },
            force: {
              type: "boolean",
              default: false,
              description:
                "Also while a node that would be given up answers and knows a leader, or has more in its log.",
            },
          },
        }),
      },
      responses: {
        ...ok("What is kept and what is lost", ref("Reset")),
        ...ofEach("`main` first; those that have a leader are left as they are"),
        ...problems(...changeProblems, "unknown-member", "has-leader", "has-more"),
      },
    },
  },
})

const changeProblems = [
  "bad-request",
  "forbidden",
  "not-found",
  "change-in-progress",
  "too-large",
  "unsupported-media-type",
  "overloaded",
  "no-leader",
  "not-leader",
  "not-ready",
  "shutting-down",
  "leadership-lost",
  "timeout",
] as const satisfies ReadonlyArray<ProblemCode>

const changeResponses = (...more: ReadonlyArray<ProblemCode>): Json => ({
  ...ok("The members as of now", ref("Changed"), indexHeader),
  ...redirected,
  ...problems(...changeProblems, "would-lose-quorum", "id-in-use", "address-in-use", ...more),
})

const forced = inQuery(
  "force",
  { enum: ["0", "1", "false", "true"] },
  "1: also when too few voters are alive, or a node that lives would lose its name, address or vote.",
)

const waits = inQuery(
  "wait",
  { enum: ["0", "1", "false", "true"], default: "1" },
  "0: answered as soon as the change is in the log for good; `done` says whether it is done as well.",
)
