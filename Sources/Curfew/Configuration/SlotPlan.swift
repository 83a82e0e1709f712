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
        for use in cleanup.writes where use.role != .channel {
            if cleanup.records.sharesSlot(with: use.template) { atomic.append(use.name) } else { saga.append(use.name) }
        }
        let own = [("events", keys.events), ("index", cleanup.indexKey(keys))]
        for (role, key) in own {
            let name = "\(role) \(key)"
            if cleanup.records.sharesSlot(withKey: key) { atomic.append(name) } else { saga.append(name) }
        }
        for use in cleanup.policy.reads where use.isGuard && !cleanup.records.sharesSlot(with: use.template) {
            readOnly.append(use.name)
        }
    }
}

extension KeyUse {
    /// As a plan names it.
    fileprivate var name: String { "\(role.rawValue) \(template)" }
}
