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
}

extension Status.CleanupStatus {
    /// Says why nobody runs it although it is late, and what to do.
    ///
    /// - Parameters:
    ///   - known: the living instances that have it.
    ///   - concurrency: how many runs an instance takes at once.
    mutating func explainLateness(_ known: [Status.InstanceStatus], isAnyAlive: Bool, concurrency: Int) {
        (why, advice) = reason(known, isAnyAlive: isAnyAlive, concurrency)
    }

    private func reason(
        _ known: [Status.InstanceStatus], isAnyAlive: Bool, _ concurrency: Int
    ) -> (why: String?, advice: String?) {
        guard isAnyAlive else { return (Status.nobodyAlive, "start “curfew work”") }
        if let refused { return (refused, nil) }
        guard !known.isEmpty else {
            return (
                "no living instance has it in its configuration",
                policy == nil
                    ? "put it back in a file, or forget it with “curfew forget \(name)”"
                    : "start an instance with this configuration"
            )
        }
        if known.allSatisfy({ $0.running.count >= concurrency }) {
            let runs = Set(known.flatMap(\.running)).sorted().prefix(5).joined(separator: ", ")
            return (
                "every instance that has it is busy with \(runs)", "raise worker.concurrency, or start another instance"
            )
        }
        if let error = lastError, !error.isEmpty {
            let advice = error.contains("NOPERM") ? "“curfew doctor” names the missing rights" : nil
            return ("its last run failed: \(error.hasSuffix(".") ? String(error.dropLast()) : error)", advice)
        }
        return (
            "\(Fleet.list(known.map(\.id))) \(known.count == 1 ? "has" : "have") it and free places",
            "look at their logs; “curfew doctor” tries the rights that it needs"
        )
    }
}
