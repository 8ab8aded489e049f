// What can be asked over HTTP, for machines? The OpenAPI 3.1 document of the routes that exist.

import type { BodyLimits } from "./Bodies.ts"
import { actorPaths } from "./openapiActors.ts"
import { clientPaths } from "./openapiClients.ts"
import { groupPaths } from "./openapiGroups.ts"
import { operatorPaths } from "./openapiOperators.ts"
import { commonHeaders, type Json, ok, problems } from "./openapiParts.ts"
import { schemas } from "./openapiSchemas.ts"

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
    ...clientPaths(limits),
    ...operatorPaths(),
    ...groupPaths(),
    ...actorPaths(),
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
        description:
          "Of all groups; that a group other than `main` changes hands is overlooked for three seconds, if it was seen ready.",
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
