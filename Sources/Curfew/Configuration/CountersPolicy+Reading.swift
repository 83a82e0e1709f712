internal import Policies

extension CountersPolicy: ConfiguredPolicy {
    static let actions: [Change.Action] = [.complete, .fail]
    static let keys = [
        "states", "since", "timeout", "total", "counters", "members", "completed-to", "failed-to", "stalled",
    ]

    private enum Stalled: String, CaseIterable {
        case leave, fail
    }

    init?(_ section: Section, status: String) {
        let scope = section.scope()
        let timeout = section.duration("timeout", isRequired: true)
        let total = section.text("total", isRequired: true, expected: "the name of a field")
        let counters = section.section("counters", isRequired: true).flatMap { Counters($0, total: total) }
        let members = section.section("members").flatMap(Members.init)
        let completedTo = section.target("completed-to", default: "completed", outside: scope?.states)
        let failedTo = section.target("failed-to", default: "failed", outside: scope?.states)
        let stalled = section.choice("stalled", Stalled.allCases)
        guard let scope, let timeout, let total, let counters, let completedTo, let failedTo else { return nil }
        self.init(
            status: status, states: scope.states, since: scope.since, timeout: timeout, total: total,
            counters: counters, members: members, completedTo: completedTo,
            failedTo: failedTo, stalledFails: stalled == .fail)
    }
}

extension CountersPolicy.Counters {
    /// Four fields, or two for an application that counts down.
    ///
    /// The fields must differ: a task counted twice would look like drift.
    init?(_ section: Section, total: String?) {
        let countsDown = section.entry("pending") != nil
        let keys = countsDown ? ["pending", "failed"] : ["queued", "processing", "completed", "failed"]
        section.expect(countsDown ? keys : keys + ["pending"])
        var owners: [String: String] = [:]
        if let total { owners[total] = "total" }
        var fields: [String] = []
        for key in keys {
            guard let field = section.text(key, isRequired: true, expected: "the name of a field") else { continue }
            if let owner = owners[field] { section.problem(key, "is already the field of \(owner)") }
            owners[field] = key
            fields.append(field)
        }
        guard fields.count == keys.count else { return nil }
        if countsDown {
            self.init(pending: fields[0], failed: fields[1])
        } else {
            self.init(queued: fields[0], processing: fields[1], completed: fields[2], failed: fields[3])
        }
    }
}

extension CountersPolicy.Members {
    init?(_ section: Section) {
        let kinds = GroupMembers.Collection.allCases
        let lists = ["status", "queued", "processing", "completed", "failed"]
        section.expect(kinds.map(\.rawValue) + ["record", "format"] + lists)
        let named = kinds.filter { section.entry($0.rawValue) != nil }
        let kind = named.first ?? .set
        for other in named.dropFirst() {
            section.problem(other.rawValue, "can't be used together with \(kind.rawValue)")
        }
        let key = section.template(kind.rawValue, isRequired: true)
        let record = section.recordTemplate("record")
        let format = section.choice("format", Cleanup.Format.allCases)
        let status = section.text("status", expected: "the name of a field")
        let queued = section.texts("queued")
        let processing = section.texts("processing")
        let completed = section.texts("completed")
        let failed = section.texts("failed")
        guard let key, let record else { return nil }
        self.init(
            kind, key, record: record, isJSON: format == .json, status: status ?? "status",
            queued: queued ?? ["queued"], processing: processing ?? ["processing"],
            completed: completed ?? ["completed"], failed: failed ?? ["failed"])
    }
}
