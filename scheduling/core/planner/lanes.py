"""Many small numbers side by side in one Python int, compared all at once.

A vector is an int of ``count`` lanes. A lane holds a number of ``bits`` bits, room above it for adding
``unreachable`` a few times, and a guard bit on top that stops the borrow of a comparison.
"""

from collections.abc import Iterable


class Lanes:
    """The arithmetic of vectors of one shape. Adding two vectors is ``+``; a number in all lanes is ``n * ones``."""

    def __init__(self, count: int, bits: int, depth: int = 1) -> None:
        """``depth``: how many times ``unreachable`` may be added up in one lane."""
        self.count = count
        self.width = bits + (depth + 1).bit_length() + 1
        self.ones = ((1 << count * self.width) - 1) // ((1 << self.width) - 1)
        self.unreachable = self.ones << bits
        self._slide = self.width - 1
        self._guards = self.ones << self._slide
        self._field = (1 << self.width) - 1

    def least(self, vectors: Iterable[int]) -> int:
        """The smallest of the numbers in each lane; at least one vector."""
        if self.count == 1:
            return min(vectors)
        guards, slide = self._guards, self._slide
        best = -1
        for vector in vectors:
            if best < 0:
                best = vector
                continue
            # The guard bit survives where best >= vector; spread over the lane it selects the vector.
            kept = ((best | guards) - vector) & guards
            best ^= (best ^ vector) & (kept - (kept >> slide))
        return best

    def equal(self, left: int, right: int) -> int:
        """The guard bits of the lanes in which both vectors have the same number."""
        return ~(((left ^ right) | self._guards) - self.ones) & self._guards

    def vector(self, numbers: Iterable[int]) -> int:
        """The vector of these numbers, lane 0 first."""
        return sum([number << lane * self.width for lane, number in enumerate(numbers)])

    def numbers(self, vector: int) -> list[int]:
        """The numbers of all lanes, lane 0 first."""
        return [vector >> lane * self.width & self._field for lane in range(self.count)]
