/// What somebody may do.
package enum Role: Int, Sendable, Comparable {
    /// To look.
    case viewer
    /// To look, to run, to pause, to resume, to cancel and to undo.
    case admin

    /// Whoever may do more comes later.
    package static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
}

/// Somebody who was let in.
package struct Person: Sendable, Hashable {
    /// Their name, where the configuration gives them one.
    let name: String?
    /// What they may do.
    let role: Role

    /// What they are called in the events.
    var label: String { name ?? "\(role)" }
    /// What they are called on a page.
    var title: String { name.map { "\($0) (\(role))" } ?? "\(role)" }
}

/// By what somebody was let in: looked at again while a page is kept up to date for them.
package enum Pass: Sendable, Hashable {
    /// By the configuration, which lets everybody in.
    case open
    /// By a token, of which the digest is kept.
    case token([UInt8])
    /// By a session: the value of its cookie.
    case session(String)
}
