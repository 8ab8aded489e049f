// An access log with the traits of a real one, and what it must add up to.

export interface Expected {
  readonly calls: number
  /** Calls by tenant, by status and by `METHOD route`, over all tenants. */
  readonly tenants: Tally
  readonly statuses: Tally
  readonly routes: Tally
}

type Tally = Readonly<Record<string, number>>

/**
 * Calls with and without tenant and request id, among lines about other things; ids in paths, query strings,
 * a line that was cut, several services that write to one log. The same for the same numbers.
 */
export const makeAccessLog = (calls: number): { readonly text: string; readonly expected: Expected } => {
  const lines: Array<string> = []
  const tenants: Record<string, number> = {}
  const statuses: Record<string, number> = {}
  const routes: Record<string, number> = {}
  for (let call = 0; call < calls; call++) {
    const kind = kinds[(call * 7 + (call >> 3)) % kinds.length]!
    const tenant = kind.context === "tenant" ? (tenantNames[call % 5 === 0 ? 1 : 0] ?? "") : "-"
    const context = {
      tenant: `[${requestId(call)} ${hex(call % 3, 32)} ${tenant} - - -]`,
      nobody: `[${requestId(call)} - - - - -]`,
      nothing: "[-]",
    }[kind.context]
    const path = kind.path.replace("TENANT", tenant).replace("SERVER", uuid(call))
    const at = new Date(Date.UTC(2017, 4, 16, 0, 0, 0, call * 250)).toISOString()
    const time = `${at.slice(0, 10)} ${at.slice(11, 23)}`
    const head = `nova-api.log.1 ${time} 25746 INFO nova.osapi_compute.wsgi.server`
    lines.push(
      `${head} ${context} 10.0.0.1 "${kind.method} ${path} HTTP/1.1" status: ${kind.status} len: ${100 + call} time: 0.${String(call % 1000).padStart(7, "0")}`,
    )
    if (call % 2 === 0)
      lines.push(`nova-compute.log.1 ${time} 2931 INFO nova.virt [${requestId(call)}] image in use`)
    add(tenants, tenant)
    add(statuses, String(kind.status))
    add(routes, `${kind.method} ${kind.route}`)
  }
  return { text: `${lines.join("\n")}\n`, expected: { calls, tenants, statuses, routes } }
}

interface Kind {
  readonly context: "tenant" | "nobody" | "nothing"
  readonly method: string
  readonly path: string
  readonly route: string
  readonly status: number
}

const kinds: ReadonlyArray<Kind> = [
  kind("tenant", "GET", "/v2/TENANT/servers/detail", "/v2/{tenant}/servers/detail", 200),
  kind("tenant", "POST", "/v2/TENANT/servers", "/v2/{tenant}/servers", 202),
  kind("tenant", "DELETE", "/v2/TENANT/servers/SERVER", "/v2/{tenant}/servers/{id}", 204),
  kind("tenant", "GET", "/v2/TENANT/servers/SERVER", "/v2/{tenant}/servers/{id}", 404),
  kind(
    "nobody",
    "GET",
    "/openstack/2013-10-17/vendor_data.json",
    "/openstack/2013-10-17/vendor_data.json",
    200,
  ),
  kind("nothing", "GET", "/openstack/2013-10-17/user_data", "/openstack/2013-10-17/user_data", 404),
]

function kind(context: Kind["context"], method: string, path: string, route: string, status: number): Kind {
  return { context, method, path, route, status }
}

const add = (tally: Record<string, number>, name: string): void => {
  tally[name] = (tally[name] ?? 0) + 1
}

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, "0")
const uuid = (number: number): string => `${hex(number, 8)}-0000-4000-8000-${hex(number, 12)}`
const requestId = (call: number): string => `req-${uuid(call)}`
const tenantNames = [hex(0xa11ce, 32), hex(0xb0b, 32)]
