internal import Policies
internal import RedisClient

/// Ends a run, with history, measurements, next due time and release in one step: `curfew_finish` in `lease.lua`.
struct FinishCall: FunctionCall {
    /// How long stream entries are kept.
    struct Ages: Sendable {
        let runs: Duration
        let metrics: Duration
        let events: Duration
        let alerts: Duration
    }

    let keys: Keys
    let cleanup: String
    /// The term of the lease.
    let term: String
    /// When the cleanup is due again, in milliseconds; nil for at once, which wakes idle instances.
    let next: Int64?
    let streamLength: Int
    let ages: Ages
    /// The history entry.
    let run: [(String, String)]
    /// The metrics entry.
    let metrics: [(String, String)]
    /// The alerts whose states are returned.
    let alerts: [String]

    var command: RedisCommand {
        var arguments = [cleanup, term, next.map { String($0) } ?? "now", keys.wake, String(streamLength)]
        arguments += [ages.runs, ages.metrics, ages.events, ages.alerts].map { String($0.milliseconds) }
        arguments.append(fields: run)
        arguments.append(fields: metrics)
        return RedisFunction.finish.command(
            keys: [keys.schedule, keys.lease(cleanup), keys.runs, keys.metrics, keys.events, keys.alerts]
                + alerts.map { keys.alert($0) },
            arguments)
    }

    /// What is known after the run.
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

    /// Returns nil if the lease has another term.
    func answer(_ reply: RedisValue) throws(CurfewError) -> Known? {
        let elements = reply.elements.map { $0.string ?? "" }
        switch elements.first {
        case "lost": return nil
        case "ok" where elements.count >= 1 + 3 * alerts.count: break
        default: throw Self.unexpected(.finish)
        }
        let known = alerts.indices.map { number in
            let place = 1 + 3 * number
            return Alert(definition: elements[place], state: elements[place + 1], since: elements[place + 2])
        }
        let rest = elements.dropFirst(1 + 3 * alerts.count)
        return Known(alerts: known, definition: rest.first)
    }
}
