// Metering alone, for tests that need nothing else.

export { default } from "../../../../actors/metering/index.ts"
