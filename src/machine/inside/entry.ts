// What runs in a compartment? Reducers, in a realm that is closed behind us.

import { serve } from "../compartment/serve.ts"
import { closeRealm } from "../realm/closeRealm.ts"
import { evaluateModule } from "../realm/evaluate.ts"
import { reachedThroughContext } from "../reduce.ts"
import { Inside } from "./Inside.ts"

// As it is before the realm closes.
const cpuUsage = process.cpuUsage.bind(process)
/** Of the processor, not of a clock: on a busy machine loading takes long, and costs no more than it does. */
const cpuMillis = (): number => {
  const { user, system } = cpuUsage()
  return (user + system) / 1000
}
const inside = new Inside(evaluateModule, cpuMillis)
closeRealm(reachedThroughContext)
serve((request) => inside.answer(request))
