// The counter of the business, for load on clusters that hold other actors as well.

export { default } from "../../../actors/counter.ts"
