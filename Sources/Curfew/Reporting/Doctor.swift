internal import Foundation
internal import Policies
internal import RedisClient

/// Looks at everything that Curfew relies on, one thing after the other: what `curfew doctor` shows.
///
/// In a cluster it looks at every primary.
///
/// It changes nothing. A server that refuses to answer a question is no problem in itself: what can't be known is a warning.
package struct Doctor: Sendable {
    /// What one look has found.
    package struct Finding: Sendable, Codable, Equatable {
        /// How it is.
        package enum State: String, Sendable, Codable {
            /// As it should be.
            case ok
            /// Worth a look; Curfew works.
            case warning
            /// Curfew doesn't work, or may lose or damage something.
            case problem
        }

        /// What was looked at, in a word or two.
        package var check: String
        /// How it is.
        package var state: State
        /// What was found.
        package var message: String
        /// What to do about it; nil where nothing needs doing.
        package var advice: String?

        /// Makes a finding; advice turns up only where something is to be done.
        package init(_ check: String, _ state: State, _ message: String, advice: String? = nil) {
            self.check = check
            self.state = state
            self.message = message
            self.advice = advice
        }

        /// What can't be known, because the server refuses the question.
        static func unknown(_ check: String, _ question: String, _ why: String) -> Finding {
            Finding(check, .warning, "unknown: \(why)", advice: "allow this user \(question), or ask somebody who may")
        }
    }

    /// Everything that was found.
    package struct Report: Sendable {
        /// In the order in which it was looked at.
        package var findings: [Finding]
        /// Whether Redis could be reached; where not, the rest wasn't looked at.
        package var isReachable: Bool

        /// Whether anything is a problem.
        package var hasProblem: Bool { findings.contains { $0.state == .problem } }
    }

    let coordinator: Coordinator
    /// The user whose rights are tried; nil: the one who asks.
    let worker: String?

    var store: Store { coordinator.store }
    var configuration: Configuration { coordinator.configuration }

    /// Looks at everything; never throws, for what goes wrong on the way is a finding.
    package func examine() async -> Report {
        var report = Report(findings: [configured], isReachable: true)
        let looks: [() async throws -> [Finding]] = [
            { http() },
            { secrecy() },
            { zones() },
            { await sentinels() },
            { [try await reach()] },
            { try await onEveryPrimary { try await server($0) } },
            { store.redis.isCluster ? try await cluster() : [] },
            { try await writes() },
            { try await permissions() },
            { try await ownKeys() },
            { try await clock() },
            { try await onEveryPrimary { try await functions($0) } },
            { try await fleet() },
            { try await records() },
            { try await times() },
            { await storage() },
            { try await webhooks() },
        ]
        for look in looks {
            do {
                report.findings += try await look()
            } catch {
                let failure = CurfewError(thrown: error)
                report.isReachable = report.isReachable && failure?.code != .unreachable
                let finding = Finding("redis", .problem, "\(error)", advice: Self.advice(on: error))
                if !report.findings.contains(finding) { report.findings.append(finding) }
                // What one node of a cluster doesn't answer another may.
                guard store.redis.isCluster, store.redis.isConnected else { break }
            }
        }
        if report.findings.contains(where: { $0.check == Self.writing && $0.state == .problem }) {
            for place in report.findings.indices where report.findings[place].check == "instances" {
                report.findings[place].advice = "see to the writes first: heartbeats are refused, too"
            }
        }
        return report
    }

    /// The file was read before this; what it says may still be odd.
    private var configured: Finding {
        let cleanups = configuration.cleanups
        let enabled = cleanups.count(where: \.isEnabled)
        let message = "\(enabled) of \(cleanups.count) cleanups enabled, \(configuration.alerts.count) alerts"
        guard enabled > 0 else {
            return Finding("configuration", .warning, message, advice: "nothing runs by itself: enable a cleanup")
        }
        return Finding("configuration", .ok, "\(message) (\(configuration.fingerprint))")
    }

    private func reach() async throws -> Finding {
        _ = try await store.redis.send(RedisCommand("PING"))
        let place = store.redis.place
        let start = ContinuousClock.now
        _ = try await store.redis.send(RedisCommand("PING"))
        let time = start.duration(to: .now)
        let message = "\(place) answers in \(String(format: "%.1f", time / .milliseconds(1))) ms"
        guard time > .milliseconds(50) else { return Finding("redis", .ok, message) }
        return Finding(
            "redis", .warning, message, advice: "sweeps take a round trip for each page: run Curfew nearer to Redis")
    }

    private static func advice(on error: any Error) -> String {
        guard let error = CurfewError.redis(behind: error) else { return "see the message" }
        return switch error.code {
        case .authentication: "check user and password in the configuration's redis URL"
        case .server: "the server refuses what Curfew needs: see the message"
        default: "check that Redis runs, and host, port and TLS in the configuration's redis URL"
        }
    }
}
