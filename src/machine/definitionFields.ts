// Is everything in a definition something that it may have? A field that nobody reads is a slip: its author believes that it
// does something.

/** Why not, in words that name the field and the one that was meant, most likely; null when it is. */
export const unknownField = (definition: object, known: ReadonlyArray<string>): string | null => {
  const unknown = Object.keys(definition).find((field) => !known.includes(field))
  if (unknown === undefined) return null
  const name = unknown.length > lengthMax ? `${unknown.slice(0, lengthMax)}…` : unknown
  const meant = nearest(unknown.slice(0, lengthMax), known)
  return `has no field ${JSON.stringify(name.toWellFormed())}${
    meant === null ? `; there are ${known.join(", ")}` : `: ${meant} is meant, most likely`
  }`
}

/** Null: none is near enough, half of the word being another. */
const nearest = (word: string, known: ReadonlyArray<string>): string | null => {
  const distances = known.map((one) => distanceOf(word.toLowerCase(), one.toLowerCase()))
  const least = Math.min(...distances)
  return least <= word.length / 2 ? known[distances.indexOf(least)]! : null
}

/** How many letters must be put in, left out or replaced (Levenshtein), row by row. */
const distanceOf = (one: string, other: string): number => {
  let above = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let row = 1; row <= one.length; row++) {
    const distances = [row]
    for (let at = 1; at <= other.length; at++) {
      const replaced = above[at - 1]! + (one[row - 1] === other[at - 1] ? 0 : 1)
      distances.push(Math.min(replaced, above[at]! + 1, distances[at - 1]! + 1))
    }
    above = distances
  }
  return above[other.length]!
}

const lengthMax = 64
