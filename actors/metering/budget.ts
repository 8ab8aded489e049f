// May a tenant have one more? A token bucket and two quotas. The clock is the log's: it never goes back, and is the same
// whoever leads.

import { beginOf, endOf } from "./calendar.ts"
import type { Meter, Settings, Spent } from "./shapes.ts"

export interface Allowance {
  readonly allowed: boolean
  /** What it was that had too little left; null when allowed. */
  readonly limit: "rate" | "hour" | "day" | null
  /** To be waited before it may be asked again; 0 when allowed. */
  readonly retryAfterMillis: number
}

/** Takes the tokens, or says how long they are not to be had and takes none. */
export const spend = (
  { settings, spent: before }: Pick<Meter, "settings" | "spent">,
  tokens: number,
  now: number,
): { readonly spent: Spent; readonly allowance: Allowance } => {
  const spent = passTime(before, settings, now)
  const { hourQuota, dayQuota, rate } = settings
  const missing = tokens * 1000 - spent.millitokens
  const waits = [
    // So many thousandths come in each millisecond.
    { limit: "rate", millis: rate === null ? 0 : Math.max(0, Math.ceil(missing / rate.tokensPerSecond)) },
    {
      limit: "hour",
      millis: isOver(spent.hourTokens + tokens, hourQuota) ? endOf("hour", spent.hour) - now : 0,
    },
    { limit: "day", millis: isOver(spent.dayTokens + tokens, dayQuota) ? endOf("day", spent.day) - now : 0 },
  ] as const
  const longest = waits.reduce((left, right) => (right.millis > left.millis ? right : left))
  if (longest.millis > 0) {
    return { spent, allowance: { allowed: false, limit: longest.limit, retryAfterMillis: longest.millis } }
  }
  return {
    spent: {
      ...spent,
      hourTokens: spent.hourTokens + tokens,
      dayTokens: spent.dayTokens + tokens,
      millitokens: rate === null ? 0 : spent.millitokens - tokens * 1000,
    },
    allowance: { allowed: true, limit: null, retryAfterMillis: 0 },
  }
}

/** The most that can be had at once, ever; null: there is no such limit. */
export const mostAtOnce = ({ hourQuota, dayQuota, rate }: Settings): number | null => {
  const limits = [hourQuota, dayQuota, rate?.burst ?? null].filter((limit) => limit !== null)
  return limits.length === 0 ? null : Math.min(...limits)
}

/** What is left at that time. */
export const passTime = (spent: Spent, { rate }: Settings, now: number): Spent => {
  const hour = beginOf("hour", now)
  const day = beginOf("day", now)
  const filled = spent.millitokens + (now - spent.filledAt) * (rate?.tokensPerSecond ?? 0)
  return {
    hour,
    hourTokens: hour === spent.hour ? spent.hourTokens : 0,
    day,
    dayTokens: day === spent.day ? spent.dayTokens : 0,
    millitokens: rate === null ? 0 : Math.min(rate.burst * 1000, filled),
    filledAt: now,
  }
}

const isOver = (tokens: number, quota: number | null): boolean => quota !== null && tokens > quota
