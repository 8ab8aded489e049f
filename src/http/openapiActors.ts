// What can operators ask about actors and their versions? For machines.

import { indexHeader, inPath, inQuery, type Json, json, ok, problems, ref, timeout } from "./openapiParts.ts"
import type { ProblemCode } from "./problem.ts"

export const actorPaths = (): Json => ({
  "/admin/actors": {
    get: {
      operationId: "actors",
      summary: "The actors, their versions, and how many instances each has",
      parameters: [group, timeout],
      responses: {
        ...ok("As of when it was asked, or later", ref("Actors")),
        ...problems(...readingProblems),
      },
    },
  },
  "/admin/actors/{name}/versions": {
    parameters: [inPath("name")],
    post: {
      operationId: "uploadVersion",
      summary: "Bring in code of an actor; it is not switched on",
      parameters: [group, timeout],
      requestBody: { required: true, content: { ...json(ref("ActorCode")), ...typescript } },
      responses: {
        ...ok("It is in the log, and was loaded once", ref("Uploaded"), indexHeader),
        ...problems(...changingProblems, "invalid-input"),
      },
    },
  },
  "/admin/actors/{name}/plan": {
    parameters: [inPath("name")],
    post: {
      operationId: "planVersion",
      summary: "What another version would change; nothing is written",
      parameters: [group, timeout],
      requestBody: { required: false, content: { ...json(ref("PlanRequest")), ...typescript } },
      responses: {
        ...ok("To be read before it is switched on", ref("Plan")),
        ...problems(...readingProblems, ...bodyProblems, "invalid-input", "unknown-actor"),
      },
    },
  },
  "/admin/actors/{name}/activate": {
    parameters: [inPath("name")],
    post: {
      operationId: "activateVersion",
      summary: "Switch to the version that a plan was made of, on all replicas at one index of each group",
      parameters: [group, timeout],
      requestBody: {
        required: true,
        content: json({ type: "object", required: ["token"], properties: { token: { type: "string" } } }),
      },
      responses: switched,
    },
  },
  "/admin/actors/{name}/rollback": {
    parameters: [inPath("name")],
    post: {
      operationId: "rollBackVersion",
      summary: "Switch back to the version before, or to one that is named",
      parameters: [
        group,
        timeout,
        forced("1: also when some stored states will not fit; their instances reject every command then."),
      ],
      requestBody: {
        required: false,
        content: json({
          type: "object",
          properties: {
            to: { type: "string", description: "A version's id." },
            token: { type: "string", description: "Of a plan: only from the version that it was made on." },
          },
        }),
      },
      responses: switched,
    },
  },
  "/admin/actors/{name}/instances/{key}/repair": {
    parameters: [inPath("name"), inPath("key")],
    post: {
      operationId: "repairInstance",
      summary: "Bring an instance out of quarantine",
      parameters: [
        group,
        timeout,
        forced(
          "1: also when that drops a command that was in the log already, and may have been acknowledged.",
        ),
      ],
      requestBody: { required: true, content: json(ref("Repair")) },
      responses: {
        ...ok("It takes commands again", ref("Repaired"), indexHeader),
        ...problems(
          ...changingProblems,
          "invalid-input",
          "unknown-actor",
          "unknown-command",
          "rejected",
          "quarantined",
        ),
      },
    },
  },
})

const group = inQuery(
  "group",
  { type: "string" },
  "That Raft group alone; without it all in which the actor lives are meant.",
)

const forced = (description: string) => inQuery("force", { enum: ["0", "1", "false", "true"] }, description)

const typescript: Json = { "text/typescript": { schema: { type: "string" } } }

const bodyProblems = [
  "forbidden",
  "too-large",
  "unsupported-media-type",
] as const satisfies ReadonlyArray<ProblemCode>

const readingProblems = [
  "bad-request",
  "not-ready",
  "not-found",
  "overloaded",
  "no-leader",
  "not-leader",
  "shutting-down",
  "leadership-lost",
  "timeout",
] as const satisfies ReadonlyArray<ProblemCode>

const changingProblems = [
  ...readingProblems,
  ...bodyProblems,
  "storage-full",
] as const satisfies ReadonlyArray<ProblemCode>

const switched: Json = {
  ...ok("What is active from that entry on", ref("Switched"), indexHeader),
  ...problems(...changingProblems, "unknown-actor", "version-conflict", "partly-switched"),
}
