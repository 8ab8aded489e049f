// The scrub's thread, for who does not know what the rows of a state add up to.

import { serveScrub } from "./scrub.ts"

serveScrub(null)
