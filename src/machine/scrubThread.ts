// The scrub's thread of a node: it finds also a row that was altered with a checksum that fits, or is missing.

import { serveScrub } from "../storage/scrub.ts"
import { digestOfState } from "./stateDigest.ts"

serveScrub(digestOfState)
