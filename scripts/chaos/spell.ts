// How do the faults of one spell come over the nodes, and how do they end?

import type { Cluster } from "../../test/process/support/Cluster.ts"
import type { NodeProcess } from "../../test/process/support/NodeProcess.ts"
import { fairWeather, type Network } from "./Network.ts"
import { type Fault, weatherOf } from "./plan.ts"

/** All begin at once. Who leads must have been settled before. */
export const begin = async (
  cluster: Cluster,
  network: Network,
  faults: ReadonlyArray<Fault>,
): Promise<void> => {
  const killed = faults.flatMap((fault) => (fault.type === "Kill" ? victims(cluster, fault) : []))
  const paused = faults.flatMap((fault) => (fault.type === "Pause" ? victims(cluster, fault) : []))
  const weather = network.setWeather(weatherOf(faults))
  for (const node of paused) node.signal("SIGSTOP")
  await Promise.all([weather, ...killed.map((node) => node.kill("SIGKILL"))])
}

/** Everything runs, and hears everything. Whether it is well again is another question. */
export const end = async (
  cluster: Cluster,
  network: Network,
  faults: ReadonlyArray<Fault>,
): Promise<void> => {
  await network.setWeather(fairWeather)
  for (const fault of faults) {
    if (fault.type === "Pause") for (const node of victims(cluster, fault)) node.signal("SIGCONT")
    if (fault.type === "Kill") for (const node of victims(cluster, fault)) node.start()
  }
}

const victims = (
  cluster: Cluster,
  fault: Fault & { readonly type: "Kill" | "Pause" },
): ReadonlyArray<NodeProcess> =>
  fault.order.slice(0, fault.count).map((id) => cluster.nodes.find((node) => node.id === id)!)
