"""The versions of the contract, and how an older one is read.

A version adds columns and takes none away. A delivery holds the columns of the version that its manifest states; the
later ones are null of it, as they are of rows that the lake took in before.
"""

CONTRACT_VERSION = 2
"""What is written: by `outcomes manifest`, by an import and by the synthetic registry."""

VERSIONS_READ = range(1, CONTRACT_VERSION + 1)
"""The versions that a manifest may state."""
