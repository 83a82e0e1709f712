// Sums of tokens and money belong to the public interface with all that can be done with them. Operators are only seen in
// modules that are imported, so `import Curfew` brings theirs.
@_exported public import Policies
