internal import Policies

/// What one change of a cleanup is made of in a Redis Cluster: what is written in one step with the record, because it is
/// in the record's slot, and what follows step by step.
///
/// On a single server everything is one step. In a Cluster a step has one slot: the record's comes first, with all guards
/// that can be checked there; the rest is carried out after it, and taken up again until it is done (``Saga``). Told from
/// the templates alone, before anything is connected to.
package struct SlotPlan: Sendable, Codable, Equatable {
    /// Written in one step with the record, beside the record itself.
    package var atomic: [String] = []
    /// Written after it, each exactly once.
    package var saga: [String] = []
    /// Must be so for a change to be made, and is asked just before it: in another slot it can't be held still.
    package var readOnly: [String] = []

    /// The plan of a cleanup, with the word that Curfew's own keys begin with.
    package init(_ cleanup: Cleanup, prefix: String) {
        let keys = Keys(prefix: prefix)
        for (role, key) in Self.written(by: cleanup.policy) {
            let name = "\(role) \(key)"
            if cleanup.records.sharesSlot(with: key) { atomic.append(name) } else { saga.append(name) }
        }
        let own = [("events", keys.events), ("index", cleanup.indexKey(keys))]
        for (role, key) in own {
            let name = "\(role) \(key)"
            if cleanup.records.sharesSlot(withKey: key) { atomic.append(name) } else { saga.append(name) }
        }
        for (role, key) in Self.asked(by: cleanup.policy) where !cleanup.records.sharesSlot(with: key) {
            readOnly.append("\(role) \(key)")
        }
    }

    /// The keys beside the record that a change may write to.
    private static func written(by policy: any Policy) -> [(role: String, key: KeyTemplate)] {
        switch policy {
        case let stuck as StuckPolicy:
            let refund = stuck.refund.map { [("ledger", $0.ledger), ("balance", $0.balance)] } ?? []
            return refund + ((stuck.retry?.queue).map { [("queue", $0.key)] } ?? [])
        case let retention as RetentionPolicy: return retention.also.map { ("also", $0) }
        default: return []
        }
    }

    /// The keys of others that a change is guarded by.
    private static func asked(by policy: any Policy) -> [(role: String, key: KeyTemplate)] {
        switch policy {
        case let stuck as StuckPolicy: stuck.alive.map { [("alive", $0)] } ?? []
        case let locks as LocksPolicy: locks.alive.map { [("alive", $0)] } ?? []
        case let files as FilesPolicy: if case .key(let key)? = files.refs { [("refs", key)] } else { [] }
        case let dependent as DependentPolicy: [("parent", dependent.parent)]
        default: []
        }
    }
}
