internal import Policies

/// Doubts about cleanups that look at the same records: what none of them says by itself.
struct SharedRecords {
    /// The keys that say where records are, and which of them.
    private static let places: Set = [
        "records", "in", "each", "member", "record", "record.key", "record.field", "group", "status",
    ]

    /// How many others are named at one cleanup.
    private static let mostNamed = 3

    private let list: Section?
    private let file: String

    init(_ list: Section?, file: String) {
        self.list = list
        self.file = file
    }

    /// All of them; at each cleanup the first ones, since many that share their records are pairwise at odds.
    func doubts(_ cleanups: [Cleanup]) -> [ConfigurationError.Problem] {
        var found: [ConfigurationError.Problem] = []
        var former: [[String]: [Int]] = [:]
        let byRecords = Dictionary(grouping: cleanups.indices) { cleanups[$0].records }
        for (number, cleanup) in cleanups.enumerated() {
            let place = Self.place(of: cleanup)
            let overlaps = (former[place] ?? []).lazy.filter { cleanup.isEnabled && cleanups[$0].isEnabled }
                .compactMap { Self.overlap(cleanup, cleanups[$0]) }
            let key = list?.section(cleanup.name)?.has("in") == true ? "in" : "records"
            found += overlaps.prefix(Self.mostNamed).map { problem(cleanup.name, key, $0) }
            former[place, default: []].append(number)
            guard cleanup.policy.awaitedEnd != nil else { continue }
            let unwritten = (byRecords[cleanup.records] ?? []).lazy
                .compactMap { Self.neverWritten(cleanup, cleanups[$0]) }
            found += unwritten.prefix(Self.mostNamed).map { problem(cleanup.name, "since", $0) }
        }
        return found
    }

    private func problem(_ cleanup: String, _ key: String, _ message: String) -> ConfigurationError.Problem {
        ConfigurationError.Problem(
            file: file, line: list?.section(cleanup)?.entry(key)?.line, path: "cleanups.\(cleanup).\(key)",
            message: message)
    }

    /// Where the records of a cleanup are, as the file says it.
    private static func place(of cleanup: Cleanup) -> [String] {
        cleanup.settings.filter { setting in
            places.contains(setting.key) || ["each.", "only.", "except."].contains { setting.key.hasPrefix($0) }
        }
        .map { "\($0.key)=\($0.value)" }.sorted()
    }

    /// Why two cleanups of the same records change the same ones; nil if they don't.
    ///
    /// Without states a policy looks at all records; which of them it changes then depends on their fields, so that only
    /// two of the same policy are surely at odds.
    private static func overlap(_ cleanup: Cleanup, _ other: Cleanup) -> String? {
        let what: String
        switch (cleanup.policy.activeStates, other.policy.activeStates) {
        case (let states?, let others?):
            let both = states.filter(others.contains)
            if both.isEmpty, !(states.isEmpty && others.isEmpty) { return nil }
            what = both.isEmpty ? "" : " in state " + both.joined(separator: ", ")
        case (nil, nil) where cleanup.kind == other.kind: what = ""
        default: return nil
        }
        return "\(other.name) changes the same records\(what): which of them does is decided by who runs first; "
            + "expected other states, or only and except for different ids"
    }

    /// Why a retention never finds the time at which another cleanup, that writes none itself, ended a record.
    private static func neverWritten(_ cleanup: Cleanup, _ other: Cleanup) -> String? {
        guard let awaited = cleanup.policy.awaitedEnd, let states = awaited.states, let first = awaited.since.first,
            other.policy.ending == nil
        else { return nil }
        let written = other.writtenFields
        let ends = ends(of: other).filter(states.contains)
        guard !ends.isEmpty, awaited.since.allSatisfy({ Doubts.isEnd($0) && !written.contains($0) }) else { return nil }
        return "waits for \(awaited.since.joined(separator: ", ")), which \(other.name) doesn't write when it makes a "
            + "record \(ends.joined(separator: " or ")), so these records are kept for ever: expected touch: [\(first)] "
            + "in \(other.name)"
    }

    /// The states in which a policy ends records, where it says no more of their end.
    private static func ends(of cleanup: Cleanup) -> [String] {
        func value(_ key: String, _ usual: String) -> String {
            cleanup.settings.first { $0.key == key }?.value ?? usual
        }
        return switch cleanup.kind {
        case .paused: [value("to", "cancelled")]
        case .counters: [value("completed-to", "completed"), value("failed-to", "failed")]
        default: []
        }
    }
}
