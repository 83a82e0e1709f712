internal import RedisClient

extension PlainChange {
    /// The part of a change that a single slot holds: what is checked and written there.
    struct Part: Sendable, Codable {
        /// A key of the slot.
        var key: String
        /// What is checked and written.
        var change: PlainChange
    }

    /// The change in parts, the one with this key first.
    ///
    /// - Parameter shared: the names of the keys that all changes of a call share.
    func parts(first key: String, shared: [Statement.SharedKey: String]) -> [Part] {
        var parts = [Part(key: key, change: PlainChange(member: member))]
        func place(of name: String) -> Int {
            let slot = RedisSlot.of(name)
            if let known = parts.firstIndex(where: { RedisSlot.of($0.key) == slot }) { return known }
            parts.append(Part(key: name, change: PlainChange(member: member)))
            return parts.count - 1
        }
        for check in checks {
            let place = place(of: check.key)
            parts[place].change.checks.append(check)
        }
        for write in writes {
            var write = write
            let name: String
            switch write.key {
            case .own(let own): name = own
            case .shared(let key): name = shared[key] ?? ""
            }
            write.key = .own(name)
            let place = place(of: name)
            parts[place].change.writes.append(write)
        }
        return parts
    }
}
