// Is the verdict good only when everything was kept?

import { expect, test } from "bun:test"
import { describeReport } from "../../scripts/chaos/report.ts"
import type { ChaosReport } from "../../scripts/chaos/run.ts"

const report: ChaosReport = {
  faultMillis: 60_000,
  perSecond: 700,
  perSecondInFaults: 600,
  longestPauseMillis: 1234.4,
  faults: { loss: 1, "kill all": 2 },
  outcomes: { ok: 42_000 },
  setbacks: {},
  instances: 9,
  checkMillis: 100,
  violations: [],
}

test("good: fast enough, and nothing broken", () => {
  const { lines, good } = describeReport(report, 700)
  expect(good).toBe(true)
  expect(lines).toContain("faults      kill all 2, loss 1")
  expect(lines.at(-1)).toStartWith("verdict     linearizable")
})

test("not good: too slow, but nothing broken", () => {
  const { lines, good } = describeReport(report, 701)
  expect(good).toBe(false)
  expect(lines.join()).toContain("floor 701/s: NOT HELD")
})

test("not good: something broken; each is shown, up to a number", () => {
  const { lines, good } = describeReport({ ...report, violations: ["lost: a"] }, 0)
  expect(good).toBe(false)
  expect(lines.slice(-2)).toEqual(["lost: a", "verdict     BROKEN: 1 violations"])
  const many = Array.from({ length: 50 }, (_, at) => `v${at}`)
  expect(describeReport({ ...report, violations: many }, 0).lines).toContain("… and 30 more")
})
