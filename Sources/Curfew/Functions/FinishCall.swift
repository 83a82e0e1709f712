internal import Policies
internal import RedisClient

/// Ends runs, with history, measurements, next due time and release in one step: `curfew_finish` in `lease.lua`.
struct FinishCall: FunctionCall {
    /// How long stream entries are kept.
    struct Ages: Sendable {
        let runs: Duration
        let metrics: Duration
        let events: Duration
        let alerts: Duration
    }

    /// The end of one run.
    struct End: Sendable {
        let cleanup: String
        /// The term of the lease.
        let term: String
        /// When the cleanup is due again, in milliseconds; nil for at once, which wakes idle instances.
        let next: Int64?
        /// The history entry.
        let run: [(String, String)]
        /// The metrics entry.
        let metrics: [(String, String)]
        /// The alerts whose states are returned.
        let alerts: [String]
    }

    let keys: Keys
    let streamLength: Int
    let ages: Ages
    /// The runs that end, of different cleanups.
    let ends: [End]

    var command: RedisCommand {
        var declared = [keys.schedule, keys.runs, keys.metrics, keys.events, keys.alerts]
        var arguments = [keys.wake, String(streamLength)]
        arguments += [ages.runs, ages.metrics, ages.events, ages.alerts].map { String($0.milliseconds) }
        for end in ends {
            declared.append(keys.lease(end.cleanup))
            declared += end.alerts.map { keys.alert($0) }
            arguments += [end.cleanup, end.term, end.next.map { String($0) } ?? "now", String(end.alerts.count)]
            arguments.append(fields: end.run)
            arguments.append(fields: end.metrics)
        }
        return RedisFunction.finish.command(keys: declared, arguments)
    }

    /// What is known after a run.
    struct Known: Equatable {
        /// The definition, the state and the start of each alert; empty if unknown.
        let alerts: [Alert]
        /// The recorded definition of the cleanup.
        let definition: String?
    }

    /// The state of an alert.
    struct Alert: Equatable {
        let definition: String
        let state: String
        let since: String
    }

    /// Returns what is known after each run; nil for one whose lease has another term.
    func answer(_ reply: RedisValue) throws(CurfewError) -> [Known?] {
        let answers = reply.elements
        guard answers.count == ends.count else { throw Self.unexpected(.finish) }
        var all: [Known?] = []
        for (end, answer) in zip(ends, answers) { all.append(try Self.known(answer, end)) }
        return all
    }

    private static func known(_ answer: RedisValue, _ end: End) throws(CurfewError) -> Known? {
        let elements = answer.elements.map { $0.string ?? "" }
        switch elements.first {
        case "lost": return nil
        case "ok" where elements.count >= 1 + 3 * end.alerts.count: break
        default: throw unexpected(.finish)
        }
        let known = end.alerts.indices.map { number in
            let place = 1 + 3 * number
            return Alert(definition: elements[place], state: elements[place + 1], since: elements[place + 2])
        }
        return Known(alerts: known, definition: elements.dropFirst(1 + 3 * end.alerts.count).first)
    }
}
