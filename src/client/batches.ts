// How do any number of proposals fit into requests?

/** As a node bounds them: proposals of one request, and bytes of its body. */
const proposalsMax = 1000
const bodyBytesMax = 16 * 1024 * 1024

/** In their order, as few as can be. One that is too large by itself goes alone: a node may allow more. */
export const batchesOf = <A extends { readonly text: string }>(
  proposals: ReadonlyArray<A>,
): ReadonlyArray<ReadonlyArray<A>> => {
  const batches: Array<Array<A>> = []
  let bytes = 0
  for (const proposal of proposals) {
    // A character takes three bytes of UTF-8 at the most, for each of its code units.
    const more = proposal.text.length * 3 + 1
    const last = batches.at(-1)
    bytes += more
    if (last !== undefined && last.length < proposalsMax && bytes + frameBytes <= bodyBytesMax)
      last.push(proposal)
    else {
      batches.push([proposal])
      bytes = more
    }
  }
  return batches
}

export const bodyOf = (proposals: ReadonlyArray<{ readonly text: string }>): string =>
  `{"proposals":[${proposals.map(({ text }) => text).join(",")}]}`

const frameBytes = bodyOf([]).length
