// How long may one test take? bunfig.toml has no word for it, so this is preloaded.

import { setDefaultTimeout } from "bun:test"

// Random-input tests and real processes share two cores on a small machine. A test that hangs still ends.
setDefaultTimeout(30_000)
