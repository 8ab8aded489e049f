// Which eight things must a cluster live through, while clients notice nothing?
//
// They are those by which a cloud's message queue accepted Raft under its authentication service and its metering
// service. Whoever leads the service is always among those hit.

import type { Service, World } from "./World.ts"

export interface Scenario {
  readonly number: number
  readonly title: string
  readonly service: Service
  /** Nodes that run when it begins, and that stand by to be added. */
  readonly nodes: number
  readonly spare: number
  /** What happens to them. It takes about as long as the world says that there is time for it, and all is well at its end. */
  readonly hit: (world: World) => Promise<void>
}

const killed =
  (count: number) =>
  async (world: World): Promise<void> => {
    const [leader, ...others] = await world.leaderFirst()
    const victims = [leader!, ...others].slice(0, count)
    await world.kill(victims)
    await world.pass(0.7)
    await world.start(victims)
    await world.pass(0.3)
  }

/** First in both directions, then nobody hears the leader, then the leader hears nobody. */
const partitioned = async (world: World): Promise<void> => {
  for (const shape of ["both", "outward", "inward"] as const) {
    const [leader, ...others] = await world.leaderFirst()
    await world.cut(shape, leader!, others)
    await world.pass(0.22)
    await world.heal()
    await world.pass(0.11)
  }
}

/** One comes, takes the lead, and leaves; then two come at once. */
const grown = async (world: World): Promise<void> => {
  const [one, two] = world.spare
  await world.add([one!])
  await world.leadAt(one!)
  await world.pass(0.3)
  await world.remove([one!])
  await world.pass(0.2)
  await world.add([one!, two!])
  await world.leadAt(two!)
  await world.pass(0.3)
}

/** The leader goes and comes back as somebody new; then the leader goes with another one. */
const shrunk = async (world: World): Promise<void> => {
  const [leader] = await world.leaderFirst()
  await world.remove([leader!])
  await world.pass(0.3)
  await world.add([leader!])
  await world.pass(0.2)
  await world.remove((await world.leaderFirst()).slice(0, 2))
  await world.pass(0.3)
}

export const scenarios: ReadonlyArray<Scenario> = [
  { number: 1, title: "auth on 3 nodes, one killed", service: "auth", nodes: 3, spare: 0, hit: killed(1) },
  { number: 2, title: "auth on 5 nodes, two killed", service: "auth", nodes: 5, spare: 0, hit: killed(2) },
  {
    number: 3,
    title: "metering on 3 nodes, one killed",
    service: "metering",
    nodes: 3,
    spare: 0,
    hit: killed(1),
  },
  {
    number: 4,
    title: "metering on 5 nodes, two killed",
    service: "metering",
    nodes: 5,
    spare: 0,
    hit: killed(2),
  },
  {
    number: 5,
    title: "auth under symmetric and asymmetric partitions",
    service: "auth",
    nodes: 3,
    spare: 0,
    hit: partitioned,
  },
  {
    number: 6,
    title: "metering under symmetric and asymmetric partitions",
    service: "metering",
    nodes: 3,
    spare: 0,
    hit: partitioned,
  },
  {
    number: 7,
    title: "one and two nodes added to 3 under load",
    service: "metering",
    nodes: 3,
    spare: 2,
    hit: grown,
  },
  {
    number: 8,
    title: "one and two nodes removed from 5 under load",
    service: "auth",
    nodes: 5,
    spare: 0,
    hit: shrunk,
  },
]
