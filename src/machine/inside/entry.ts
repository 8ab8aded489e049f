// What runs in a compartment? Reducers, in a realm that is closed behind us.

import { serve } from "../compartment/serve.ts"
import { closeRealm } from "../realm/closeRealm.ts"
import { evaluateModule } from "../realm/evaluate.ts"
import { reachedThroughContext } from "../reduce.ts"
import { Inside } from "./Inside.ts"

// As it is before the realm closes.
const now = performance.now.bind(performance)
const inside = new Inside(evaluateModule, now)
closeRealm(reachedThroughContext)
serve((request) => inside.answer(request))
