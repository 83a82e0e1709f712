/// What came of all cases, by combination.
struct Report {
    private struct Row {
        var runs = 0
        var violated = 0
        var longest: Int64?
    }

    private var rows: [Combination: Row] = [:]

    mutating func add(_ outcome: Case.Outcome) {
        rows[outcome.combination, default: Row()].runs += 1
        if !outcome.violations.isEmpty { rows[outcome.combination, default: Row()].violated += 1 }
        if let time = outcome.continued {
            rows[outcome.combination, default: Row()].longest = max(rows[outcome.combination]?.longest ?? 0, time)
        }
    }

    var cases: Int { rows.values.reduce(0) { $0 + $1.runs } }
    var violated: Int { rows.values.reduce(0) { $0 + $1.violated } }

    /// A line for each combination.
    var text: String {
        var lines = ["combination                                  runs  violations  continued after (ms, max)"]
        for combination in Combination.all {
            guard let row = rows[combination] else { continue }
            lines.append(
                Self.padded(combination.description, 43) + Self.right(row.runs, 6) + Self.right(row.violated, 12)
                    + Self.right(row.longest.map(Int.init) ?? 0, 27))
        }
        return lines.joined(separator: "\n")
    }

    /// A table for each kind of Redis: steps and faults; in each cell the cases and the longest time.
    var markdown: String {
        Topology.allCases.compactMap { topology in
            let faults = Fault.allCases.filter { fault in
                rows.keys.contains { $0.topology == topology && $0.fault == fault }
            }
            guard !faults.isEmpty else { return nil }
            var lines = ["### \(topology.rawValue)", ""]
            lines.append("| | " + faults.map(\.rawValue).joined(separator: " | ") + " |")
            lines.append("| --- |" + faults.map { _ in " --- |" }.joined())
            for step in Step.allCases {
                let cells = faults.map { cell(rows[Combination(topology: topology, fault: $0, step: step)]) }
                guard cells.contains(where: { !$0.isEmpty }) else { continue }
                lines.append("| \(step.rawValue) | " + cells.joined(separator: " | ") + " |")
            }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private func cell(_ row: Row?) -> String {
        guard let row else { return "" }
        let time = row.longest.map { ", \($0) ms" } ?? ""
        return row.violated == 0 ? "\(row.runs) ✓\(time)" : "\(row.violated) of \(row.runs) ✗\(time)"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
