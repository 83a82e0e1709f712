/// The rights of a person.
package enum Role: Int, Sendable, Comparable {
    /// May read.
    case viewer
    /// May read, run, pause, resume, cancel and undo.
    case admin

    /// A role with more rights is greater.
    package static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
}

/// A person who is signed in.
package struct Person: Sendable, Hashable {
    /// Their name, if the configuration has one.
    let name: String?
    /// Their role.
    let role: Role

    /// How events name them.
    var label: String { name ?? "\(role)" }
    /// How pages name them.
    var title: String { name.map { "\($0) (\(role))" } ?? "\(role)" }
}

/// The credential of a person; checked again while their page is kept up to date.
package enum Pass: Sendable, Hashable {
    /// The configuration, which admits everyone.
    case open
    /// A token, as its digest.
    case token([UInt8])
    /// A session, as the value of its cookie.
    case session(String)
}
