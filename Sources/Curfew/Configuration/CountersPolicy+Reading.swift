internal import Policies

extension CountersPolicy: ConfiguredPolicy {
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
    /// Four fields, none of them named twice: a task counted twice would look like drift.
    init?(_ section: Section, total: String?) {
        let keys = ["queued", "processing", "completed", "failed"]
        section.expect(keys)
        var owners: [String: String] = [:]
        if let total { owners[total] = "total" }
        var fields: [String] = []
        for key in keys {
            guard let field = section.text(key, isRequired: true, expected: "the name of a field") else { continue }
            if let owner = owners[field] { section.problem(key, "is the field of \(owner) already") }
            owners[field] = key
            fields.append(field)
        }
        guard fields.count == keys.count else { return nil }
        self.init(queued: fields[0], processing: fields[1], completed: fields[2], failed: fields[3])
    }
}

extension CountersPolicy.Members {
    init?(_ section: Section) {
        section.expect(["set", "record", "status", "queued", "processing", "completed", "failed"])
        let set = section.template("set", isRequired: true)
        let record = section.recordTemplate("record")
        let status = section.text("status", expected: "the name of a field")
        let queued = section.texts("queued")
        let processing = section.texts("processing")
        let completed = section.texts("completed")
        let failed = section.texts("failed")
        guard let set, let record else { return nil }
        self.init(
            set: set, record: record, status: status ?? "status", queued: queued ?? ["queued"],
            processing: processing ?? ["processing"], completed: completed ?? ["completed"],
            failed: failed ?? ["failed"])
    }
}
