// Which bugs can be planted? All of them, by theme.

import { codePlants } from "./code.ts"
import { electionPlants } from "./election.ts"
import { eventPlants } from "./events.ts"
import { groupPlants } from "./groups.ts"
import { leadingPlants } from "./leading.ts"
import { livenessPlants } from "./liveness.ts"
import { membershipPlants } from "./membership.ts"
import { type Plant, PlantMisfit } from "./Plant.ts"
import { quietPlants } from "./quiet.ts"
import { readPlants } from "./reads.ts"
import { replicationPlants } from "./replication.ts"
import { sessionPlants } from "./sessions.ts"
import { snapshotPlants } from "./snapshot.ts"
import { storagePlants } from "./storage.ts"

export interface Theme {
  readonly name: string
  readonly plants: ReadonlyArray<Plant>
}

export const themes: ReadonlyArray<Theme> = [
  { name: "Election", plants: electionPlants },
  { name: "Replication", plants: replicationPlants },
  { name: "Storage", plants: storagePlants },
  { name: "Snapshot", plants: snapshotPlants },
  { name: "Membership", plants: membershipPlants },
  { name: "Reads", plants: readPlants },
  { name: "Sessions and machine", plants: sessionPlants },
  { name: "Code and versions", plants: codePlants },
  { name: "Watching", plants: eventPlants },
  { name: "Beside the leader", plants: leadingPlants },
  { name: "Liveness", plants: livenessPlants },
  { name: "Quiet groups", plants: quietPlants },
  { name: "Many groups", plants: groupPlants },
]

export const allPlants: ReadonlyArray<Plant> = themes.flatMap(({ plants }) => plants)

/** Throws {@link PlantMisfit} when there is none of that name. */
export const plantOf = (id: string): Plant => {
  const plant = allPlants.find((each) => each.id === id)
  if (plant === undefined) throw new PlantMisfit(`there is no plant ${JSON.stringify(id)}`)
  return plant
}
