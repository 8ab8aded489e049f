// What came of it, in words?

import type { ChaosReport } from "./run.ts"

const violationsShown = 20

/** `floor`: operations per second that must have been held. */
export const describeReport = (
  report: ChaosReport,
  floor: number,
): { readonly lines: ReadonlyArray<string>; readonly good: boolean } => {
  const { violations, perSecond } = report
  const isFastEnough = perSecond >= floor
  const pairs = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .sort(([, left], [, right]) => right - left)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ") || "none"
  return {
    lines: [
      `operations  ${pairs(report.outcomes)}, on ${report.instances} instances`,
      `setbacks    ${pairs(report.setbacks)}`,
      `faults      ${pairs(report.faults)}`,
      `held        ${Math.round(perSecond)} operations/s over ${(report.faultMillis / 1000).toFixed(1)} s of faults ` +
        `and recoveries, ${Math.round(report.perSecondInFaults)}/s while a fault was in force; ` +
        `floor ${floor}/s: ${isFastEnough ? "held" : "NOT HELD"}`,
      `pause       ${Math.round(report.longestPauseMillis)} ms at the longest without an answer`,
      `checked     in ${(report.checkMillis / 1000).toFixed(1)} s`,
      ...violations.slice(0, violationsShown),
      ...(violations.length > violationsShown ? [`… and ${violations.length - violationsShown} more`] : []),
      violations.length === 0
        ? "verdict     linearizable, nothing acknowledged lost, everything executed once, all replicas equal"
        : `verdict     BROKEN: ${violations.length} violations`,
    ],
    good: violations.length === 0 && isFastEnough,
  }
}
