// What runs in a compartment? Reducers, in a realm that is closed behind us.

import { serve } from "../compartment/serve.ts"
import { closeRealm } from "../realm/closeRealm.ts"
import { evaluateModule } from "../realm/evaluate.ts"
import { reachedThroughContext } from "../reduce.ts"
import { Inside } from "./Inside.ts"

const inside = new Inside(evaluateModule)
closeRealm(reachedThroughContext)
serve((request) => inside.answer(request))
