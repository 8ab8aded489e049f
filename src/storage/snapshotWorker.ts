// The snapshot thread, for who does not know what the rows of a state add up to.

import { serveJobs } from "./snapshotJobs.ts"

serveJobs(null)
