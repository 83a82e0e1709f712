/// What somebody may do.
package enum Role: Int, Sendable, Comparable {
    /// To look.
    case viewer
    /// To look, to run, to pause, to resume, to cancel and to undo.
    case admin

    /// Whoever may do more comes later.
    package static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
}
