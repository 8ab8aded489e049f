// What do the descriptions of all routes have in common?

import type { schemas } from "./openapiSchemas.ts"
import { timeoutMillisDefault, timeoutMillisMax } from "./parameters.ts"
import { type ProblemCode, problemTable } from "./problem.ts"

export type Json = Readonly<Record<string, unknown>>

export const ref = (name: keyof typeof schemas): Json => ({ $ref: `#/components/schemas/${name}` })

export const json = (schema: Json): Json => ({ "application/json": { schema } })

export const commonHeaders: Json = {
  "Raftlet-Node": { description: "Who answered.", required: true, schema: { type: "string" } },
  "Raftlet-Leader": {
    description: "`id;url` of the leader; empty when none is known.",
    required: true,
    schema: { type: "string" },
  },
  "Raftlet-Term": { description: "Current term.", required: true, schema: { type: "integer", minimum: 0 } },
}

export const indexHeader: Json = {
  "Raftlet-Index": { description: "Position in the log.", schema: { type: "integer", minimum: 0 } },
}

export const ok = (description: string, schema: Json, headers: Json = {}): Json => ({
  "200": { description, headers: { ...commonHeaders, ...headers }, content: json(schema) },
})

/** With `group=*`. */
export const ofEach = (description: string): Json => ({
  "207": { description, headers: commonHeaders, content: json(ref("EachGroup")) },
})

export const redirected: Json = {
  "307": {
    description: "The leader is elsewhere; only with redirect=1.",
    headers: { ...commonHeaders, Location: { required: true, schema: { type: "string", format: "uri" } } },
  },
}

/** One response per status, naming the codes that come with it. */
export const problems = (...codes: ReadonlyArray<ProblemCode>): Json => {
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

export const inPath = (name: string): Json => ({
  name,
  in: "path",
  required: true,
  schema: { type: "string" },
})

export const inQuery = (name: string, schema: Json, description: string): Json => ({
  name,
  in: "query",
  description,
  schema,
})

export const group = inQuery("group", { type: "string", default: "main" }, "The Raft group.")

export const groupOrAll = inQuery(
  "group",
  { type: "string", default: "main" },
  "The Raft group; * stands for all of them, and is answered 207 with a part for each.",
)

export const redirect = inQuery(
  "redirect",
  { enum: ["0", "1", "false", "true"] },
  "1: do not forward, answer 307 with Location on the leader.",
)

export const timeout: Json = {
  name: "Raftlet-Timeout-Ms",
  in: "header",
  description: "How long the client waits, in milliseconds.",
  schema: { type: "integer", minimum: 1, maximum: timeoutMillisMax, default: timeoutMillisDefault },
}
