"""Use-cases: the order of steps across bucket and index, and what happens when one of them fails."""
