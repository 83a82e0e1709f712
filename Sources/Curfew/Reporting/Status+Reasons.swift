internal import Policies

extension Status.CleanupStatus {
    /// A lateness that isn't a problem: idle instances check at least this often.
    static let tolerance: Int64 = 60_000

    /// Whether it should have run by now.
    package var isLate: Bool {
        switch state {
        case "lost": true
        case "due": (inMs ?? 0) < -Self.tolerance
        default: false
        }
    }

    /// Whether neither this configuration nor a living instance has it.
    package var isGone: Bool { policy == nil && knownBy?.isEmpty == true }

    /// The problem with its schedule, with the cause and what to do; nil if there is none.
    package var trouble: String? {
        guard isLate, let distance = inMs else { return nil }
        var text =
            state == "lost"
            ? "\(name) was left unfinished by \(instance ?? "an instance") \(TimeText.distance(distance)), and no instance "
                + "has taken it over"
            : "\(name) is overdue: it should have run \(TimeText.distance(distance))"
        if let why { text += "; \(why)" }
        text += "."
        if let advice { text += " " + advice.prefix(1).uppercased() + advice.dropFirst() + "." }
        return text
    }
}

extension Status {
    /// The remark on a fleet without living instances.
    static let nobodyAlive = "no instance is alive"

    /// Says for each late cleanup why nobody runs it, and what to do.
    ///
    /// - Parameter concurrency: how many runs an instance takes at once.
    mutating func explainLateness(concurrency: Int) {
        let living = instances.filter(\.isAlive)
        for place in cleanups.indices where cleanups[place].isLate {
            (cleanups[place].why, cleanups[place].advice) = reason(of: cleanups[place], living, concurrency)
        }
    }

    private func reason(
        of cleanup: CleanupStatus, _ living: [InstanceStatus], _ concurrency: Int
    ) -> (why: String?, advice: String?) {
        guard !living.isEmpty else { return (Self.nobodyAlive, "start “curfew work”") }
        if let refused = cleanup.refused { return (refused, nil) }
        let known = living.filter { cleanup.knownBy?.contains($0.id) == true }
        if known.isEmpty, cleanup.knownBy != nil {
            return (
                "no living instance has it in its configuration",
                cleanup.policy == nil
                    ? "put it back in a file, or forget it with “curfew forget \(cleanup.name)”"
                    : "start an instance with this configuration"
            )
        }
        let busy = known.filter { $0.running.count >= concurrency }
        if !known.isEmpty, busy.count == known.count {
            let runs = Set(busy.flatMap(\.running)).sorted().prefix(5).joined(separator: ", ")
            return (
                "every instance that has it is busy with \(runs)", "raise worker.concurrency, or start another instance"
            )
        }
        if let error = cleanup.lastError, !error.isEmpty {
            let advice = error.contains("NOPERM") ? "“curfew doctor” names the missing rights" : nil
            return ("its last run failed: \(error.hasSuffix(".") ? String(error.dropLast()) : error)", advice)
        }
        let names = known.prefix(5).map(\.id).joined(separator: ", ")
        return (
            known.isEmpty ? nil : "\(names) \(known.count == 1 ? "has" : "have") it and free places",
            "look at their logs; “curfew doctor” tries the rights that it needs"
        )
    }
}
