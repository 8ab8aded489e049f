// What is a planted bug, and how does it get into the text of a source file?

/** One change of one file. */
export interface Edit {
  /** From the root of the project. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

export interface Plant {
  readonly id: string
  /** What the code now does wrong, as a sentence. */
  readonly title: string
  readonly edits: ReadonlyArray<Edit>
  /** The entry of the list in hazards.ts that this is; absent for one that only this code could have. */
  readonly hazard?: string
  /** What the bug breaks and when, where the title does not tell. */
  readonly note?: string
  /** Runs in place of the simulation, which does not run this code. */
  readonly test?: NamedTest
}

export interface NamedTest {
  readonly file: string
  /** Part of its title. */
  readonly name: string
}

/** The source has moved on, and nobody has moved the patch along. */
export class PlantMisfit extends Error {
  override readonly name = "PlantMisfit"
}

export const filesOf = ({ edits }: Plant): ReadonlyArray<string> => [
  ...new Set(edits.map(({ file }) => file)),
]

/** The text of a file with the bug in it. Throws {@link PlantMisfit} when one of its edits has no one place there. */
export const withBug = (plant: Plant, file: string, text: string): string => {
  let changed = text
  for (const { find, replace } of plant.edits.filter((edit) => edit.file === file)) {
    const parts = changed.split(find)
    if (parts.length !== 2) {
      throw new PlantMisfit(`${plant.id}: ${file} holds this ${parts.length - 1} times, not once:\n${find}`)
    }
    changed = parts.join(replace)
  }
  return changed
}
