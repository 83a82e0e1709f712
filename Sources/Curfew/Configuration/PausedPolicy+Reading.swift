internal import Policies

extension PausedPolicy: ConfiguredPolicy {
    static let actions: [Change.Action] = [.cancel]
    static let keys = ["states", "since", "stale", "warn", "timeout", "to", "unless", "writes"]

    init?(_ section: Section, status: String) {
        let scope = section.scope()
        let defaults = PausedPolicy(states: [], since: [])
        let times = [("stale", defaults.stale), ("warn", defaults.warn), ("timeout", defaults.timeout)]
            .map { key, fallback in Threshold(key, default: fallback, in: section) }
        let to = section.target("to", default: defaults.to, outside: scope?.states)
        for (earlier, later) in zip(times, times.dropFirst()) { Self.checkOrder(earlier, later, in: section) }
        let marks = section.section("writes").map { PausedPolicy.Marks($0) } ?? PausedPolicy.Marks()
        let veto = section.text("unless", expected: "the name of a field")
        if let veto, ([status, marks.stale, marks.warned] + (scope?.since.fields ?? [])).contains(veto) {
            section.problem("unless", "“\(veto)” is a field that this policy uses otherwise, expected another field")
        }
        for mark in [marks.stale, marks.warned] where scope?.since.fields.contains(mark) == true || status == mark {
            let key = status == mark ? "status" : "since"
            section.problem(key, "“\(mark)” is a mark that this policy writes, expected another field")
        }
        guard let scope, let to else { return nil }
        self.init(
            status: status, states: scope.states, since: scope.since, stale: times[0].value, warn: times[1].value,
            timeout: times[2].value, to: to, unless: veto, marks: marks)
    }

    /// One of the three times, as written or by default.
    private struct Threshold {
        let key: String
        let value: Duration
        let line: Int?

        init(_ key: String, default fallback: Duration, in section: Section) {
            self.key = key
            value = section.duration(key) ?? fallback
            line = section.entry(key)?.line
        }

        /// The time and its place, for messages.
        var description: String {
            "\(key), which is \(value.text) \(line.map { "(line \($0))" } ?? "by default")"
        }
    }

    /// Reports two times in the wrong order, at the later one if the file has it.
    private static func checkOrder(_ earlier: Threshold, _ later: Threshold, in section: Section) {
        guard earlier.value > later.value else { return }
        if later.line != nil {
            section.problem(later.key, "expected no less than \(earlier.description), found \(later.value.text)")
        } else {
            section.problem(earlier.key, "expected no more than \(later.description), found \(earlier.value.text)")
        }
    }
}

extension PausedPolicy.Marks {
    fileprivate init(_ section: Section) {
        self.init()
        section.expect(["stale", "warned"])
        stale = section.text("stale", expected: "the name of a field") ?? stale
        warned = section.text("warned", expected: "the name of a field") ?? warned
        if stale == warned { section.problem("warned", "“\(warned)” is the other mark too, expected another field") }
    }
}
