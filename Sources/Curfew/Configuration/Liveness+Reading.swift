internal import Policies

extension Section {
    /// What shows that somebody is at work: a key, a section with a key that holds heartbeats, or one with a registry.
    func liveness(_ key: String) -> Liveness? {
        guard let entry = entry(key), case .section = entry.value.content else {
            return template(key).map { Liveness($0) }
        }
        guard let section = section(key) else { return nil }
        section.expect(["key", "field", "in", "member", "within"])
        let liveness = section.entry("in") == nil ? section.heartbeat() : section.membership()
        guard let liveness else { return nil }
        guard !liveness.isConstant else {
            problem(key, "is the same for all records: expected a gap that names the worker, like <workerId>")
            return nil
        }
        return liveness
    }

    /// A key with the time of a heartbeat: in a field of a hash, or as its text.
    private func heartbeat() -> Liveness? {
        for other in ["member"] where entry(other) != nil { problem(other, "needs in, the key that it stands in") }
        let key = template("key", isRequired: true)
        let field = template("field")
        let within = duration("within")
        guard let key else { return nil }
        guard has("within") else {
            guard has("field") else { return Liveness(key) }
            problem("within", "missing, expected how old the heartbeat may be, like 60s")
            return nil
        }
        guard let within, field != nil || !has("field") else { return nil }
        return Liveness(key, .time(field: field, within: within))
    }

    /// A key that the worker stands in.
    private func membership() -> Liveness? {
        for other in ["key", "field"] where entry(other) != nil { problem(other, "can't be used together with in") }
        let key = template("in", isRequired: true)
        let member = template("member", isRequired: true)
        let within = duration("within")
        guard let key, let member, within != nil || !has("within") else { return nil }
        return Liveness(key, .member(member, within: within))
    }
}
