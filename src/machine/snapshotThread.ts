// The snapshot thread of a node: it knows what the rows of a state must add up to, so that no copy is made of one, and
// none is taken over, in which a row was altered or is missing.

import { serveJobs } from "../storage/snapshotJobs.ts"
import { digestOfState } from "./stateDigest.ts"

serveJobs(digestOfState)
