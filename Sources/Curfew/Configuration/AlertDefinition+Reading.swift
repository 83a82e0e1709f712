internal import Policies

extension AlertDefinition {
    /// Reads an alert; nil if it has a problem.
    init?(_ entry: YAMLNode.Entry, in list: Section, cleanups: [String]) {
        NameRule.check(entry, in: list)
        let path = list.path(of: entry.key)
        guard let section = Section(entry.value, path: path, line: entry.line, list.problems) else { return nil }
        section.expect(["cleanup", "metric", "above", "below", "over", "severity", "action"])
        let cleanup = Self.cleanup(section, among: cleanups)
        let metric = section.choice("metric", isRequired: true, Metric.allCases)
        let action = section.choice("action", Change.Action.allCases)
        let over = Self.window(section)
        let severity = section.choice("severity", Severity.allCases)
        let isAbove = Self.direction(section)
        if metric == .overdue, section.has("over") {
            section.problem("over", "can't be used with overdue, which is a state and not a number of each run")
        }
        if metric == .stalled, over != nil {
            section.problem("over", "can't be used with stalled, which is a state and not a number of each run")
        }
        if section.has("action"), let metric, metric != .changed {
            section.problem("action", "can't be used with \(metric.rawValue): expected metric: changed")
        }
        guard let isAbove, let metric else { return nil }
        guard let threshold = Self.threshold(section, isAbove ? "above" : "below", metric), let cleanup else {
            return nil
        }
        self.init(
            name: entry.key, cleanup: cleanup, metric: metric, action: action, isAbove: isAbove, threshold: threshold,
            over: over,
            severity: severity ?? .warning)
    }

    private static func cleanup(_ section: Section, among names: [String]) -> String? {
        guard let name = section.text("cleanup", isRequired: true, expected: "the name of a cleanup, or \"*\"") else {
            return nil
        }
        if name == "*" || names.contains(name) { return name }
        let written = section.entry("cleanup")?.value.noun ?? ""
        section.problem("cleanup", section.unknown("cleanup \(written)", name, ["*"] + names))
        return nil
    }

    private static func direction(_ section: Section) -> Bool? {
        switch (section.has("above"), section.has("below")) {
        case (true, false): return true
        case (false, true): return false
        case (true, true): section.problem("below", "can't be used together with above")
        case (false, false): section.problem("above", "missing, expected above or below")
        }
        return nil
    }

    private static func threshold(_ section: Section, _ key: String, _ metric: Metric) -> Double? {
        if metric.isTime {
            let expected = "a duration like 10m, since \(metric.rawValue) is a time"
            return section.value(key, isRequired: true, expected: expected) { text in
                Duration(text: text).map { Double($0.milliseconds) }
            }
        }
        let expected = "a number, since \(metric.rawValue) is a count"
        return section.value(key, isRequired: true, expected: expected) { text in
            guard text.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }) else { return nil }
            return Double(text).flatMap { $0.isFinite ? $0 : nil }
        }
    }

    private static func window(_ section: Section) -> Window? {
        section.value("over", expected: "a number of runs like 3 runs, or a duration like 1h") { text in
            let words = text.split(separator: " ")
            if words.count == 2, words[1] == "runs" || words[1] == "run" {
                return Int(words[0]).flatMap { (1...1000).contains($0) ? .runs($0) : nil }
            }
            return Duration(text: text).flatMap { $0 > .zero ? .time($0) : nil }
        }
    }
}
