// Where is the real access log, and what is known of it?

import { join } from "node:path"
import type { Expected } from "./accessLog.ts"

/** Facts about the real log, from the page beside it. */
export const realLog = join(import.meta.dir, "../../../../shared/data/openstack_api.log")
export const realExpected: Expected = {
  calls: 1017,
  tenants: { "54fadb412c4e40cdbaed9335e4c35a9e": 762, e9746973ac574c6b8a9e8857f56a7608: 47, "-": 208 },
  statuses: { "200": 933, "404": 41, "204": 22, "202": 21 },
  routes: {
    "GET /v2/{tenant}/servers/detail": 698,
    "GET /openstack/2013-10-17/vendor_data.json": 44,
    "POST /v2/{tenant}/os-server-external-events": 43,
    "DELETE /v2/{tenant}/servers/{id}": 22,
    "POST /v2/{tenant}/servers": 21,
  },
}
