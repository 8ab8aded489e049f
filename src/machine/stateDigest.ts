// Is a state whole? Its hash anew, from all of its rows: what a row alone cannot tell is that another is missing.

import type { StateContent } from "../storage/StateStore.ts"
import { Digest, instanceDigest, timerDigest } from "./digest.ts"
import { rowsOf } from "./outcomeRows.ts"

/** What `Machine.stateHash` says of a machine that holds all this. Throws StateCorrupt when a row cannot be read. */
export const digestOfState = (content: StateContent): string => {
  const instances = new Digest("")
  const outcomes = new Digest("")
  const timers = new Digest("")
  for (const instance of content.instances) instances.add(instanceDigest(instance, instance.state))
  for (const chunk of content.outcomes) {
    for (const { row, hash } of rowsOf(chunk)) {
      if (row.index >= content.outcomesForgottenBelow) outcomes.add(hash)
    }
  }
  for (const timer of content.timers) timers.add(timerDigest(timer))
  return `${instances}${outcomes}${timers}`
}
