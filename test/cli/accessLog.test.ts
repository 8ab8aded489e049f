// Is every call of an OpenStack log understood, and nothing else taken for one?

import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseLine, routeOf } from "../../src/cli/accessLog.ts"
import { emptyTally, readCalls } from "../../src/cli/accessLogFile.ts"
import { madeLog, madeLogFacts } from "./madeLog.ts"

const directory = mkdtempSync(join(tmpdir(), "raftlet-log-"))
afterAll(() => rmSync(directory, { recursive: true }))

const tenant = "0123456789abcdef0123456789abcdef"
const line = (
  context: string,
  request = `GET /v2/${tenant}/servers/detail`,
  end = "status: 200 len: 1893 time: 0.2477829",
) =>
  `nova-api.log.1 2017-05-16 00:00:00.008 25746 INFO nova.wsgi [${context}] 10.0.0.1 "${request} HTTP/1.1" ${end}`

test("a call with a request id is named by it, with its tenant, its time in UTC and its latency in ms", () => {
  expect(parseLine(line(`req-1a user ${tenant} - - -`), "/var/log/api.log", 7)).toEqual({
    _tag: "Call",
    call: {
      requestId: "req-1a",
      tenant,
      time: Date.UTC(2017, 4, 16, 0, 0, 0, 8),
      method: "GET",
      route: "/v2/{tenant}/servers/detail",
      status: 200,
      bytes: 1893,
      latencyMillis: 247.7829,
    },
  })
})

const callOf = (text: string, file = "api.log", at = 1) => {
  const parsed = parseLine(text, file, at)
  if (parsed._tag !== "Call") throw new Error(`${parsed._tag}: ${text}`)
  return parsed.call
}

test("without a request id the file's own name and the line stand for it, wherever the file lies", () => {
  const names = ["/a/api.log", "api.log", "../x/api.log"].map((file) => callOf(line("-"), file, 42).requestId)
  expect(names).toEqual(["api.log:42", "api.log:42", "api.log:42"])
  expect(callOf(line("-")).tenant).toBe("-")
  expect(callOf(line("req-1 - - - - -")).tenant).toBe("-")
})

test("a file name that no header can carry is still a stable, printable key", () => {
  for (const file of ["журнал.log", `${"x".repeat(300)}.log`, "a b.log"]) {
    const { requestId } = callOf(line("-"), file, 3)
    expect(requestId).toMatch(/^[0-9a-f]{32}:3$/)
    expect(callOf(line("-"), `/elsewhere/${file}`, 3).requestId).toBe(requestId)
  }
})

describe("a route is what does not differ from call to call", () => {
  const uuid = "96abccce-8d1f-4e07-b6d1-4b2ab87e23b4"
  const routes: ReadonlyArray<[string, string]> = [
    [`/v2/${tenant}/servers/${uuid}`, "/v2/{tenant}/servers/{id}"],
    [`/v2/${tenant}/images/${uuid.toUpperCase()}`, "/v2/{tenant}/images/{id}"],
    [`/v2.1/${tenant}/flavors/2`, "/v2.1/{tenant}/flavors/{id}"],
    [`/images/${tenant}`, "/images/{id}"],
    ["/openstack/2013-10-17/meta_data.json", "/openstack/2013-10-17/meta_data.json"],
    ["/latest/meta-data/", "/latest/meta-data/"],
    [
      `/v2/${tenant}/servers/detail?all_tenants=True&host=a%3Fb`,
      "/v2/{tenant}/servers/detail?all_tenants&host",
    ],
    ["/x?", "/x"],
    ["/", "/"],
    [`/${"x".repeat(400)}`, `/${"x".repeat(255)}`],
  ]
  for (const [target, route] of routes) {
    test(`${target.slice(0, 60)} → ${route.slice(0, 60)}`, () => expect(routeOf(target)).toBe(route))
  }
})

describe("what is no call", () => {
  const other = ["", "Active base files: /var/lib/x", "[instance: 1] Creating image", 'a "quoted word" HTTP']
  for (const text of other) test(`${JSON.stringify(text)} is something else`, () => expectTag(text, "Other"))

  const malformed: ReadonlyArray<[string, string]> = [
    ["cut in its middle", line("-").slice(0, -30)],
    ["cut in its request", line("-").slice(0, 90)],
    ["no status", line("-", "GET /", "status: len: 1 time: 1")],
    ["a status of four digits", line("-", "GET /", "status: 2000 len: 1 time: 1")],
    ["a negative length", line("-", "GET /", "status: 200 len: -1 time: 1")],
    ["a time that is a word", line("-", "GET /", "status: 200 len: 1 time: soon")],
    ["a length of 20 digits", line("-", "GET /", `status: 200 len: ${"9".repeat(20)} time: 1`)],
    ["a day that does not exist", line("-").replace("2017-05-16", "2017-13-16")],
    ["a method of 17 letters", line("-", `${"G".repeat(17)} /`)],
  ]
  for (const [name, text] of malformed) test(`${name} is malformed`, () => expectTag(text, "Malformed"))

  const expectTag = (text: string, tag: string) => expect(parseLine(text, "f", 1)._tag).toBe(tag as "Other")
})

test("a file is read in batches, whatever its line ends, and what is malformed is counted and named", async () => {
  const path = join(directory, "api.log")
  await Bun.write(path, madeLog.join("\r\n"))
  const tally = emptyTally()
  const batches = await Array.fromAsync(readCalls(path, tally, 10))
  expect(batches.flat().length).toBe(madeLogFacts.calls)
  expect(batches.slice(0, -1).every(({ length }) => length === 10)).toBe(true)
  expect(tally).toMatchObject({
    lines: madeLog.length,
    calls: madeLogFacts.calls,
    malformed: madeLogFacts.malformed,
  })
  expect(tally.malformedExamples[0]).toStartWith(`${path}:`)
})

test("a line too long to be a call is none, takes no memory without an end, and the next is read", async () => {
  const path = join(directory, "endless.log")
  const call = (id: string) => line(`${id} u t - - -`)
  const endless = `${"x".repeat(5_000_000)} ${call("req-1")}`
  await Bun.write(path, [call("req-0"), endless, call("req-2"), endless].join("\n"))
  const tally = emptyTally()
  const calls = (await Array.fromAsync(readCalls(path, tally, 10))).flat()
  expect(calls.map(({ requestId }) => requestId)).toEqual(["req-0", "req-2"])
  expect(tally.lines).toBe(4)
})
