// A small log with the traits of a real one: request ids, `[-]` lines, calls without a tenant, ids in paths,
// a query string, lines about something else, and a few that were cut.

const tenants = ["54fadb412c4e40cdbaed9335e4c35a9e", "e9746973ac574c6b8a9e8857f56a7608"]
const uuid = "96abccce-8d1f-4e07-b6d1-4b2ab87e23b4"
const pad = (value: number) => String(value).padStart(2, "0")

const call = (at: number, context: string, method: string, target: string, status: number) =>
  `nova-api.log.1 2017-05-16 0${at % 3}:00:${pad(at % 60)}.0${pad(at % 60)} 25746 INFO nova.wsgi [${context}] ` +
  `10.11.10.1 "${method} ${target} HTTP/1.1" status: ${status} len: ${100 + at} time: 0.2${pad(at % 60)}1`

const request = (at: number, tenant: string) =>
  `req-${pad(at)}101a0b-2096-447d-96ea-a692162415ae ${tenant === "-" ? "-" : "user"} ${tenant} - - -`

export const madeLog: ReadonlyArray<string> = [
  ...Array.from({ length: 40 }, (_, at) => {
    const tenant = tenants[at % 4 === 0 ? 1 : 0] ?? ""
    return call(at, request(at, tenant), "GET", `/v2/${tenant}/servers/detail`, 200)
  }),
  "nova-compute.log.1 2017-05-16 00:00:04.500 2931 INFO nova.virt [req-3ea4052c - - - - -] VM Started",
  ...Array.from({ length: 12 }, (_, at) =>
    call(at, "-", "GET", "/latest/meta-data/", at % 3 === 0 ? 404 : 200),
  ),
  ...Array.from({ length: 8 }, (_, at) =>
    call(at, request(50 + at, "-"), "GET", "/openstack/2013-10-17/vendor_data.json", 200),
  ),
  call(1, request(60, tenants[0] ?? ""), "DELETE", `/v2/${tenants[0]}/servers/${uuid}`, 204),
  call(2, request(61, tenants[0] ?? ""), "GET", `/v2/${tenants[0]}/servers/detail?all_tenants=True`, 200),
  call(3, request(62, tenants[0] ?? ""), "POST", `/v2/${tenants[0]}/servers`, 202).slice(0, -20),
  "nova-scheduler.log.1 2017-05-16 00:00:10.000 1 INFO nova.scheduler Successfully synced instances",
]

/** Counted by hand from the above. */
export const madeLogFacts = {
  calls: 62,
  malformed: 1,
  byStatus: { "200": 57, "204": 1, "404": 4 },
  byTenant: { "-": 20, "54fadb412c4e40cdbaed9335e4c35a9e": 32, e9746973ac574c6b8a9e8857f56a7608: 10 },
  byRoute: {
    "GET /v2/{tenant}/servers/detail": 40,
    "GET /latest/meta-data/": 12,
    "GET /openstack/2013-10-17/vendor_data.json": 8,
    "DELETE /v2/{tenant}/servers/{id}": 1,
    "GET /v2/{tenant}/servers/detail?all_tenants": 1,
  },
}
