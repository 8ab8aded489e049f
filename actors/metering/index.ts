// Who called which API how often, how much did it take, and how much more may they have? One instance per tenant; every
// call is counted once, whatever fails on the way, and ends in one file of its minute, its hour and its day.
//
// Where to look: `shapes.ts` says what is known of a tenant, `metering.ts` what can be asked; `windows.ts` when a window is
// over, `rows.ts` what its file says, `budget.ts` who may have more, `filing.ts` how files are written by whoever leads.

import { openDiskFiles } from "./diskFiles.ts"
import { metering } from "./metering.ts"

export default metering(openDiskFiles)
