internal import Policies

/// How one change of a cleanup is split in a Redis Cluster: what is written in one step with the record, because it is
/// in the record's slot, and what follows in further steps.
///
/// On a single server everything is one step. In a cluster a step has one slot: the record's slot is first, with all
/// guards that can be checked there. The other steps follow and are retried until they are done (``Saga``). The plan is
/// derived from the templates alone, without a connection.
package struct SlotPlan: Sendable, Codable, Equatable {
    /// Written in one step with the record, besides the record itself.
    package var atomic: [String] = []
    /// Written afterwards, each exactly once.
    package var saga: [String] = []
    /// Conditions of a change in other slots.
    ///
    /// They are read just before the change, but can't be checked atomically with it.
    package var readOnly: [String] = []

    /// The plan of a cleanup, with the prefix of Curfew's own keys.
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

    /// The keys besides the record that a change may write to.
    private static func written(by policy: any Policy) -> [(role: String, key: KeyTemplate)] {
        switch policy {
        case let stuck as StuckPolicy:
            let refund = stuck.refund.map { [("ledger", $0.ledger), ("balance", $0.balance)] } ?? []
            return refund + ((stuck.retry?.queue).map { [("queue", $0.key)] } ?? [])
        case let retention as RetentionPolicy: return retention.also.map { ("also", $0) }
        default: return []
        }
    }

    /// Other keys that a change depends on.
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
