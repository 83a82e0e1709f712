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
        for use in cleanup.policy.writes {
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
