internal import Foundation
internal import Policies
internal import RedisClient

/// Checks everything that Curfew depends on, one item at a time: the content of `curfew doctor`.
///
/// In a cluster it checks every primary.
///
/// It changes nothing. A server that refuses to answer is not a problem by itself: what can't be determined is a
/// warning.
package struct Doctor: Sendable {
    /// One finding.
    package struct Finding: Sendable, Codable, Equatable {
        /// How severe a finding is.
        package enum State: String, Sendable, Codable {
            /// As it should be.
            case ok
            /// Worth attention; Curfew works.
            case warning
            /// Curfew doesn't work, or may lose or damage data.
            case problem
        }

        /// What was checked, in a word or two.
        package var check: String
        /// The state.
        package var state: State
        /// What was found.
        package var message: String
        /// How to fix it; nil if there is nothing to fix.
        package var advice: String?

        /// Creates a finding; advice is dropped if the state is ok.
        package init(_ check: String, _ state: State, _ message: String, advice: String? = nil) {
            self.check = check
            self.state = state
            self.message = message
            self.advice = advice
        }

        /// A warning that something can't be determined, because the server refuses to answer.
        static func unknown(_ check: String, _ question: String, _ why: String) -> Finding {
            Finding(
                check, .warning, "unknown: \(why)",
                advice: "allow this user \(question), or run doctor as a user with this right")
        }
    }

    /// All findings.
    package struct Report: Sendable {
        /// The findings, in the order of the checks.
        package var findings: [Finding]
        /// Whether Redis is reachable; if not, the remaining checks were skipped.
        package var isReachable: Bool

        /// Whether any finding is a problem.
        package var hasProblem: Bool { findings.contains { $0.state == .problem } }
    }

    let coordinator: Coordinator
    /// The user whose permissions are checked; nil for the current user.
    let worker: String?

    var store: Store { coordinator.store }
    var configuration: Configuration { coordinator.configuration }

    /// Runs all checks; never throws, because errors are findings.
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
            { try await notices() },
        ]
        for look in looks {
            do {
                report.findings += try await look()
            } catch {
                let failure = CurfewError(thrown: error)
                report.isReachable = report.isReachable && failure?.code != .unreachable
                let finding = Finding("redis", .problem, "\(error)", advice: Self.advice(on: error))
                if !report.findings.contains(finding) { report.findings.append(finding) }
                // One node of a cluster may refuse what another answers.
                guard store.redis.isCluster, store.redis.isConnected else { break }
            }
        }
        if report.findings.contains(where: { $0.check == Self.writing && $0.state == .problem }) {
            for place in report.findings.indices where report.findings[place].check == "instances" {
                report.findings[place].advice = "fix the writes first: heartbeats are refused as well"
            }
        }
        return report
    }

    /// The file has been read successfully before; its content may still be questionable.
    private var configured: Finding {
        let cleanups = configuration.cleanups
        let enabled = cleanups.count(where: \.isEnabled)
        let message = "\(enabled) of \(cleanups.count) cleanups enabled, \(configuration.alerts.count) alerts"
        guard enabled > 0 else {
            return Finding("configuration", .warning, message, advice: "nothing is scheduled: enable a cleanup")
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
            "redis", .warning, message, advice: "each page of a sweep takes a round trip: run Curfew closer to Redis")
    }

    private static func advice(on error: any Error) -> String {
        guard let error = CurfewError.redis(behind: error) else { return "see the message" }
        return switch error.code {
        case .authentication: "check the user and password in the redis URL of the configuration"
        case .server: "the server refuses something that Curfew needs: see the message"
        default: "check that Redis is running, and the host, port and TLS in the redis URL of the configuration"
        }
    }
}
