// How many nodes has a cluster that was asked for?

import { defaultPlan, type PlanOptions } from "../../src/simulation/plan.ts"

export const planFor = (nodes: number | null): PlanOptions => ({ ...defaultPlan, nodes })
