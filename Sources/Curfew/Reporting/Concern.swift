internal import Policies

/// Something that a person should look at: one line of the first page, of `status` and of `watch`.
package struct Concern: Sendable, Codable, Equatable {
    /// Its severity.
    package enum Severity: String, Sendable, Codable {
        case warning, critical
    }

    /// What it is about.
    package enum Kind: String, Sendable, Codable {
        case instances, overdue, run, delivery, alert, name, records, pause
    }

    /// The severity.
    package var severity: Severity
    /// What it is about.
    package var kind: Kind
    /// One sentence, or two: what is wrong, and what to do.
    package var text: String
    /// The cleanup that it is about.
    package var cleanup: String?
    /// When it began, if that is known and not part of the sentence: Unix milliseconds.
    package var sinceMs: Int64?

    init(_ severity: Severity, _ kind: Kind, _ text: String, _ cleanup: String? = nil, since: Int64? = nil) {
        (self.severity, self.kind, self.text, self.cleanup, sinceMs) = (severity, kind, text, cleanup, since)
    }

    /// So many of these, in their order: of each kind some, lest one that a whole fleet has hides the others.
    package static func some(of concerns: [Concern], most: Int) -> [Concern] {
        guard concerns.count > most else { return concerns }
        let kinds = Dictionary(grouping: concerns.indices) { concerns[$0].kind }
        let share = most / kinds.count
        var chosen = Set(kinds.values.flatMap { $0.prefix(share) })
        for place in concerns.indices where chosen.count < most { chosen.insert(place) }
        return chosen.sorted().map { concerns[$0] }
    }
}

extension Status {
    /// So many cleanups and instances fit on a page and on a terminal; with more of them, those that need attention come
    /// first, and the others are counted.
    package static let few = 50

    /// Cleanups in their order, but those that are overdue by how long they are.
    static func longestOverdueFirst(_ cleanups: [CleanupStatus]) -> [CleanupStatus] {
        let late = cleanups.filter { $0.trouble != nil }.sorted { ($0.inMs ?? 0) < ($1.inMs ?? 0) }
        return late + cleanups.filter { $0.trouble == nil }
    }

    /// Everything that a person should look at, most severe first; empty if all is well.
    func allConcerns() -> [Concern] {
        var concerns: [Concern] = []
        if !instances.contains(where: \.isAlive) {
            concerns.append(Concern(.critical, .instances, "No instance is alive: scheduled cleanups don't run."))
        }
        // Among few cleanups the order of the file is easier to read.
        let ordered = cleanups.count > Self.few ? Self.longestOverdueFirst(cleanups) : cleanups
        for cleanup in ordered {
            if let trouble = cleanup.trouble {
                concerns.append(Concern(cleanup.isGone ? .warning : .critical, .overdue, trouble, cleanup.name))
            } else if let concern = cleanup.concernAboutLastRun {
                concerns.append(concern)
            }
        }
        concerns += (deliveries ?? []).filter(\.isTrouble).map { Concern(.critical, .delivery, $0.sentence) }
        let late = Set(cleanups.filter { $0.trouble != nil }.map(\.name))
        concerns += (firing ?? []).filter { Self.isNews($0, late: late) }.map { alert in
            Concern(
                alert.severity == Concern.Severity.critical.rawValue ? .critical : .warning, .alert, alert.sentence,
                alert.cleanup, since: alert.sinceMs)
        }
        concerns += remarks.filter { $0 != Self.nobodyAlive }.map { remark in
            Concern(.warning, .instances, remark.prefix(1).uppercased() + remark.dropFirst() + ".")
        }
        for cleanup in cleanups {
            if let refused = cleanup.refused, cleanup.trouble == nil {
                concerns.append(Concern(.warning, .name, refused.asSentence, cleanup.name))
            }
            if let why = cleanup.uncounted {
                concerns.append(
                    Concern(.warning, .records, "The records of \(cleanup.name) can't be counted: \(why)", cleanup.name)
                )
            }
            if let pause = cleanup.paused {
                concerns.append(
                    Concern(.warning, .pause, "\(cleanup.name) is paused by \(pause.by): \(pause.why)", cleanup.name))
            }
        }
        return concerns.filter { $0.severity == .critical } + concerns.filter { $0.severity == .warning }
    }

    /// Whether an alert says something that no other line says: that a cleanup is overdue is said with its cause.
    private static func isNews(_ alert: FiringAlert, late: Set<String>) -> Bool {
        alert.metric != AlertDefinition.Metric.overdue.rawValue || !late.contains(alert.cleanup)
    }

    /// The state of everything in one sentence; its number is that of the lines that follow.
    package var headline: String {
        let concerns = concerns ?? []
        let running = cleanups.filter { $0.state == "running" }.count
        let work = running == 0 ? "" : ", \(running) running now"
        if concerns.isEmpty { return "All is well: \(Self.count(cleanups.count, "cleanup")) on time\(work)." }
        guard concerns.contains(where: { $0.severity == .critical }) else {
            return "\(Self.count(concerns.count, "warning")), nothing critical\(work)."
        }
        let verb = concerns.count == 1 ? "needs" : "need"
        return "\(Self.count(concerns.count, "thing")) \(verb) attention\(work)."
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

extension Status.CleanupStatus {
    /// The concern about how its last run ended; nil if it did all that it had to.
    fileprivate var concernAboutLastRun: Concern? {
        guard state != "disabled" else { return nil }
        guard let last = lastRun else { return concernAboutOwedRun }
        guard !last.isWhole else { return nil }
        let why = last.error.map { ": \($0)" } ?? ""
        let row = last.failuresInARow > 1 ? ", \(last.failuresInARow) in a row" : ""
        let words = last.status.replacing("_", with: " ")
        switch RunResult.Status(rawValue: last.status) {
        case .completedWithErrors:
            let count = last.failed == 1 ? "1 record" : "\(last.failed) records"
            let what = last.failed > 0 ? "left \(count) with errors" : "completed with errors"
            return Concern(
                .warning, .run, "The last run of \(name) \(what)\(why)".asSentence, name, since: last.endedMs)
        case .timedOut, .cancelled, .misfired:
            // The error of a cancelled run begins with that word.
            let isSaid = last.error?.hasPrefix(words) == true
            let verb = last.status == RunResult.Status.timedOut.rawValue ? words : "was \(words)"
            let text = "The last run of \(name) " + (isSaid ? "was \(last.error ?? "")" : "\(verb)\(row)\(why)")
            return Concern(.warning, .run, text.asSentence, name, since: last.endedMs)
        default:
            let verb = last.status == RunResult.Status.failed.rawValue ? words : "was \(words)"
            return Concern(
                .critical, .run, "The last run of \(name) \(verb)\(row)\(why)".asSentence, name, since: last.endedMs)
        }
    }
}

extension Status.CleanupStatus {
    /// The concern about a run that it owes, where the run that failed is no longer in the history: other cleanups may
    /// run so often that their runs have replaced it.
    private var concernAboutOwedRun: Concern? {
        guard let owedSince, let lastError, !lastError.isEmpty else { return nil }
        return Concern(
            .critical, .run, "\(name) has had no successful run since \(owedSince): \(lastError)".asSentence, name)
    }
}

extension FiringAlert {
    /// The alert in a sentence.
    fileprivate var sentence: String {
        "\(alert) is firing for \(cleanup): \(metric) \(readable(value)), limit \(readable(threshold))."
    }

    /// A duration rounded to what a person reads: 50m730ms is 51m.
    private func readable(_ text: String) -> String {
        guard text.contains(where: \.isLetter), let duration = Duration(text: text) else { return text }
        return duration.roughText
    }
}

extension Deliveries {
    /// What is wrong, in a sentence.
    fileprivate var sentence: String {
        if let unreadable { return "The queue of \(receiver) can't be read: \(unreadable)".asSentence }
        var parts: [String] = []
        if failed > 0 { parts.append("\(failed) \(failed == 1 ? "message was" : "messages were") given up") }
        if waiting > 0 {
            let age = oldestMs > Self.patience ? " for up to \(Duration.milliseconds(oldestMs).roughText)" : ""
            parts.append("\(waiting) \(waiting == 1 ? "message waits" : "messages wait")\(age)")
        }
        return "Undelivered to \(receiver): \(parts.joined(separator: ", ")); “curfew doctor” says why."
    }
}

extension String {
    /// The text with exactly one period at its end: some errors of Redis have one.
    fileprivate var asSentence: String { hasSuffix(".") ? self : self + "." }
}
