// What can clients ask? For machines.

import type { BodyLimits } from "./Bodies.ts"
import { mountedMethods } from "./mount.ts"
import {
  commonHeaders,
  group,
  indexHeader,
  inPath,
  inQuery,
  type Json,
  json,
  ok,
  problems,
  redirect,
  redirected,
  ref,
  timeout,
} from "./openapiParts.ts"
import type { ProblemCode } from "./problem.ts"
import { proposalsMax } from "./propose.ts"

/** Commands, reads and events. */
export const clientPaths = (limits: BodyLimits): Json => ({
  "/x/{actor}/{path}": {
    parameters: [
      inPath("actor"),
      { ...inPath("path"), description: "Any number of segments, or none." },
      timeout,
    ],
    ...Object.fromEntries(mountedMethods.map((method) => [method.toLowerCase(), mounted(method, limits)])),
  },
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
          "not-ready",
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
  "/watch/{actor}/{key}": {
    parameters: [inPath("actor"), keyParameter],
    get: {
      operationId: "watch",
      summary: "What the instance's commands emit, as server-sent events, without a gap",
      parameters: [lastEventId, after, timeout, group, redirect],
      responses: {
        "200": {
          description: watchDescription,
          headers: { ...commonHeaders, ...indexHeader },
          content: { "text/event-stream": { schema: { type: "string" } } },
        },
        ...problems(
          "bad-request",
          "forbidden",
          "unknown-actor",
          "not-found",
          "overloaded",
          "no-leader",
          "shutting-down",
          "leadership-lost",
          "stale",
          "timeout",
        ),
      },
    },
  },
})

const watchDescription =
  "`event` is the emitted name, `data` its JSON, `id` the index of the entry in the log. Between two events of one " +
  "entry the `id` is that of the entry before it with a count behind: `122.001` after the first event of entry 123. " +
  "Where events behind the cursor are not kept any more, one event `reset` has the state: its data is a StateAnswer, " +
  "and what follows is behind its index. Of an instance that came from another group by a split, `@` and a number follow " +
  "the index. An `id` without data moves the cursor on."

const cursorPattern = "^\\d{1,16}(\\.\\d{3})?(@\\d{1,16})?$"

const lastEventId: Json = {
  name: "Last-Event-ID",
  in: "header",
  description: "The `id` that the client saw last: everything behind it comes, once. None: from now on.",
  schema: { type: "string", pattern: cursorPattern },
}

const after = inQuery(
  "after",
  { type: "string", pattern: cursorPattern },
  "The same, for clients that cannot set the header, which counts more.",
)

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
    "not-ready",
    "timeout",
    ...more,
  ),
})

const keyParameter: Json = {
  ...inPath("key"),
  description: "1 to 512 bytes of UTF-8, percent-encoded.",
  schema: { type: "string", minLength: 1, maxLength: 512 },
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

const mounted = (method: string, limits: BodyLimits): Json => ({
  operationId: `${method.toLowerCase()}Mounted`,
  summary: "What the actor's own routes make of it",
  ...(method === "GET"
    ? {}
    : {
        requestBody: {
          required: false,
          description: `Anything, at most ${limits.bodyBytesMax} bytes.`,
          content: { "*/*": {} },
        },
      }),
  responses: {
    default: {
      description: "The actor's own answer, with any status.",
      headers: commonHeaders,
      content: { "*/*": {} },
    },
    ...problems(
      "bad-request",
      ...(method === "GET" ? [] : (["forbidden", "too-large"] as const)),
      "unknown-actor",
      "not-found",
      "overloaded",
      "routes-unavailable",
      "not-ready",
      "shutting-down",
      "timeout",
      "internal",
    ),
  },
})
