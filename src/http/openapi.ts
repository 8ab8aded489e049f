// What can be asked over HTTP, for machines? The OpenAPI 3.1 document of the routes that exist.

import type { BodyLimits } from "./Bodies.ts"
import { logEntriesDefault, logEntriesMax } from "./log.ts"
import { schemas } from "./openapiSchemas.ts"
import { timeoutMillisDefault, timeoutMillisMax } from "./parameters.ts"
import { type ProblemCode, problemTable } from "./problem.ts"
import { proposalsMax } from "./propose.ts"

type Json = Readonly<Record<string, unknown>>

export const openApiText = (version: string, limits: BodyLimits): string =>
  JSON.stringify(openApi(version, limits))

const openApi = (version: string, limits: BodyLimits): Json => ({
  openapi: "3.1.0",
  info: {
    title: "Raftlet",
    version,
    description:
      "Replicated actors. Any node takes any request. Nothing is answered 200 before a majority has it on " +
      "disk and it is applied.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  paths: {
    "/propose/{actor}/{key}/{command}": {
      parameters: [inPath("actor"), keyParameter, inPath("command")],
      post: {
        operationId: "propose",
        summary: "Execute one command, exactly once per Idempotency-Key",
        parameters: [idempotencyKey, ifRevision, timeout, group, redirect],
        requestBody: {
          required: false,
          description: `The command's input, at most ${limits.bodyBytesMax} bytes; none means null.`,
          content: json({}),
        },
        responses: {
          ...ok("Committed by a majority and applied", ref("Accepted"), indexHeader),
          ...redirected,
          ...problems(
            "bad-request",
            "invalid-input",
            "forbidden",
            "unknown-actor",
            "unknown-command",
            "not-found",
            "revision-mismatch",
            "too-large",
            "unsupported-media-type",
            "idempotency-mismatch",
            "rejected",
            "overloaded",
            "no-leader",
            "not-leader",
            "shutting-down",
            "leadership-lost",
            "timeout",
            "storage-full",
          ),
        },
      },
    },
    "/propose": {
      post: {
        operationId: "proposeMany",
        summary: "Execute many commands, in order per instance; not a transaction",
        parameters: [timeout, group, redirect],
        requestBody: {
          required: true,
          description: `At most ${proposalsMax} proposals and ${limits.batchBytesMax} bytes.`,
          content: json(ref("Batch")),
        },
        responses: {
          ...ok("One outcome per proposal, in the same order", ref("Outcomes"), indexHeader),
          ...redirected,
          ...problems(
            "bad-request",
            "forbidden",
            "not-found",
            "too-large",
            "unsupported-media-type",
            "overloaded",
            "no-leader",
            "not-leader",
            "shutting-down",
          ),
        },
      },
    },
    "/read/{actor}/{key}/{query}": {
      parameters: [inPath("actor"), keyParameter, inPath("query")],
      get: {
        operationId: "query",
        summary: "Ask an instance",
        parameters: [
          {
            name: "input",
            in: "query",
            description: "The query's input; none means null.",
            content: json({}),
          },
          ...readParameters,
        ],
        responses: readResponses(ref("QueryAnswer"), "invalid-input", "unknown-query"),
      },
      post: {
        operationId: "queryWithBody",
        summary: "Ask an instance, with the input as body",
        parameters: readParameters,
        requestBody: { required: false, content: json({}) },
        responses: readResponses(
          ref("QueryAnswer"),
          "invalid-input",
          "unknown-query",
          "forbidden",
          "too-large",
          "unsupported-media-type",
        ),
      },
    },
    "/read/{actor}/{key}": {
      parameters: [inPath("actor"), keyParameter],
      get: {
        operationId: "state",
        summary: "The whole state of an instance; never written: the initial state at revision 0",
        parameters: readParameters,
        responses: readResponses(ref("StateAnswer")),
      },
    },
    "/read/{actor}": {
      parameters: [inPath("actor")],
      get: {
        operationId: "list",
        summary: "The instances of an actor, by key",
        parameters: [
          inQuery("prefix", { type: "string" }, "Only keys that begin like this."),
          inQuery("after", { type: "string" }, "Only keys behind this one: `next` of the page before."),
          inQuery("limit", { type: "integer", minimum: 1, maximum: 1000, default: 100 }, "Keys per page."),
          ...readParameters,
        ],
        responses: readResponses(ref("ListAnswer")),
      },
    },
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
        parameters: [group, redirect],
        responses: {
          ...ok("The members and how far they are", ref("Cluster")),
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
        parameters: [group, timeout],
        responses: {
          ...ok("The snapshot", ref("Snapshot")),
          ...problems(
            "bad-request",
            "forbidden",
            "not-found",
            "too-large",
            "unsupported-media-type",
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
        parameters: [timeout, group, redirect],
        requestBody: { required: true, content: json(ref("Member")) },
        responses: changeResponses(),
      },
      put: {
        operationId: "setMembers",
        summary: "Set any configuration, by joint consensus",
        parameters: [timeout, group, redirect],
        requestBody: { required: true, content: json(ref("MemberSets")) },
        responses: changeResponses(),
      },
    },
    "/admin/members/{id}": {
      parameters: [inPath("id")],
      delete: {
        operationId: "removeMember",
        summary: "Remove a member",
        parameters: [forced, timeout, group, redirect],
        responses: changeResponses("unknown-member"),
      },
    },
    "/admin/members/{id}/promote": {
      parameters: [inPath("id")],
      post: {
        operationId: "promoteMember",
        summary: "Make a learner a voter, as soon as it has caught up",
        parameters: [forced, timeout, group, redirect],
        responses: changeResponses("unknown-member"),
      },
    },
    "/admin/members/{id}/replace": {
      parameters: [inPath("id")],
      post: {
        operationId: "replaceMember",
        summary: "Put a newcomer in a member's place, in one change",
        parameters: [timeout, group, redirect],
        requestBody: { required: true, content: json(ref("Member")) },
        responses: changeResponses("unknown-member"),
      },
    },
    "/admin/transfer": {
      post: {
        operationId: "transferLeadership",
        summary: "Hand leadership over, to a voter or to whoever is furthest",
        parameters: [timeout, group, redirect],
        requestBody: {
          required: false,
          content: json({ type: "object", properties: { to: { type: ["string", "null"] } } }),
        },
        responses: {
          ...ok("Who leads now", ref("Transferred")),
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
        parameters: [timeout, group],
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
          ...problems(...changeProblems, "unknown-member", "has-leader", "has-more", "not-ready"),
        },
      },
    },
    "/healthz": {
      get: {
        operationId: "healthz",
        summary: "Lives, and makes progress",
        responses: {
          ...ok("It does", { type: "object", properties: { healthy: { const: true } } }),
          ...problems("unhealthy", "shutting-down"),
        },
      },
    },
    "/readyz": {
      get: {
        operationId: "readyz",
        summary: "Knows a leader and has applied what it must",
        responses: {
          ...ok("It does", { type: "object", properties: { ready: { const: true } } }),
          ...problems("no-leader", "not-ready", "shutting-down"),
        },
      },
    },
    "/metrics": {
      get: {
        operationId: "metrics",
        summary: "Figures for Prometheus",
        responses: {
          "200": {
            description: "Text exposition 0.0.4",
            headers: commonHeaders,
            content: { "text/plain": { schema: { type: "string" } } },
          },
          ...problems("bad-request", "shutting-down"),
        },
      },
    },
    "/openapi.json": {
      get: {
        operationId: "openapi",
        summary: "This document",
        responses: { ...ok("This document", { type: "object" }), ...problems("shutting-down") },
      },
    },
  },
  components: { schemas },
})

const ref = (name: keyof typeof schemas): Json => ({ $ref: `#/components/schemas/${name}` })

const json = (schema: Json): Json => ({ "application/json": { schema } })

const commonHeaders: Json = {
  "Raftlet-Node": { description: "Who answered.", required: true, schema: { type: "string" } },
  "Raftlet-Leader": {
    description: "`id;url` of the leader; empty when none is known.",
    required: true,
    schema: { type: "string" },
  },
  "Raftlet-Term": { description: "Current term.", required: true, schema: { type: "integer", minimum: 0 } },
}

const indexHeader: Json = {
  "Raftlet-Index": { description: "Position in the log.", schema: { type: "integer", minimum: 0 } },
}

const ok = (description: string, schema: Json, headers: Json = {}): Json => ({
  "200": { description, headers: { ...commonHeaders, ...headers }, content: json(schema) },
})

const redirected: Json = {
  "307": {
    description: "The leader is elsewhere; only with redirect=1.",
    headers: { ...commonHeaders, Location: { required: true, schema: { type: "string", format: "uri" } } },
  },
}

/** One response per status, naming the codes that come with it. */
const problems = (...codes: ReadonlyArray<ProblemCode>): Json => {
  const byStatus = Map.groupBy(codes, (code) => problemTable[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      String(status),
      {
        description: of.map((code) => `\`${code}\`: ${problemTable[code].title}`).join("; "),
        headers: commonHeaders,
        content: {
          "application/problem+json": {
            schema: {
              allOf: [
                ref("Problem"),
                { properties: { code: { enum: of }, status: { const: Number(status) } } },
              ],
            },
          },
        },
      },
    ]),
  )
}

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
  "shutting-down",
  "leadership-lost",
  "timeout",
] as const satisfies ReadonlyArray<ProblemCode>

const changeResponses = (...more: ReadonlyArray<ProblemCode>): Json => ({
  ...ok("The members as of now", ref("Changed"), indexHeader),
  ...redirected,
  ...problems(...changeProblems, "would-lose-quorum", "id-in-use", "address-in-use", ...more),
})

const readResponses = (schema: Json, ...more: ReadonlyArray<ProblemCode>): Json => ({
  ...ok("As of the index in the answer", schema, indexHeader),
  ...redirected,
  ...problems(
    "bad-request",
    "unknown-actor",
    "not-found",
    "overloaded",
    "no-leader",
    "not-leader",
    "shutting-down",
    "leadership-lost",
    "stale",
    "timeout",
    ...more,
  ),
})

const inPath = (name: string): Json => ({ name, in: "path", required: true, schema: { type: "string" } })

const inQuery = (name: string, schema: Json, description: string): Json => ({
  name,
  in: "query",
  description,
  schema,
})

const keyParameter: Json = {
  ...inPath("key"),
  description: "1 to 512 bytes of UTF-8, percent-encoded.",
  schema: { type: "string", minLength: 1, maxLength: 512 },
}

const group = inQuery("group", { type: "string", default: "main" }, "The Raft group.")

const redirect = inQuery(
  "redirect",
  { enum: ["0", "1", "false", "true"] },
  "1: do not forward, answer 307 with Location on the leader.",
)

const forced = inQuery(
  "force",
  { enum: ["0", "1", "false", "true"] },
  "1: also when too few voters are alive, or a node that lives would lose its name, address or vote.",
)

const timeout: Json = {
  name: "Raftlet-Timeout-Ms",
  in: "header",
  description: "How long the client waits, in milliseconds.",
  schema: { type: "integer", minimum: 1, maximum: timeoutMillisMax, default: timeoutMillisDefault },
}

const idempotencyKey: Json = {
  name: "Idempotency-Key",
  in: "header",
  description: "Executed at most once per instance; a retry gets the first answer.",
  schema: { type: "string", minLength: 1, maxLength: 128, pattern: "^[\\x20-\\x7e]{1,128}$" },
}

const ifRevision: Json = {
  name: "If-Revision",
  in: "header",
  description: "412 unless the instance is at this revision.",
  schema: { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
}

const readParameters: ReadonlyArray<Json> = [
  inQuery(
    "consistency",
    { enum: ["linearizable", "lease", "local"], default: "linearizable" },
    "`lease` trusts the leader's lease; `local` is whatever this node has applied.",
  ),
  inQuery("maxStalenessMs", { type: "integer", minimum: 0 }, "Bounds `local`."),
  inQuery("minIndex", { type: "integer", minimum: 0 }, "Not before this node has applied so far."),
  timeout,
  group,
  redirect,
]
