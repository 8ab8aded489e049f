// The one actor that most tests need: every further one has groups of its own, and each takes its part of the machine.

export { default } from "../../../../actors/counter.ts"
