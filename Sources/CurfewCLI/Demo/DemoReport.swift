internal import Curfew
internal import Policies

/// The result of the demo: each check, and whether it holds.
struct DemoReport: Sendable, Codable {
    /// One check, compared with the state of Redis.
    struct Check: Sendable, Codable {
        var ok: Bool
        var text: String
    }

    /// What one run did, according to its events.
    struct RunShare: Sendable, Codable {
        var run: String, instance: String, status: String
        var changes: Int
    }

    var success: Bool
    var message: String
    var seconds: Double
    var checks: [Check]
    var runs: [RunShare]

    /// Reads Redis and compares.
    static func make(
        _ demo: Demo, _ workload: DemoWorkload, _ crash: Demo.Crash, _ filesPreview: RunResult?, _ detour: Demo.Detour,
        _ page: Demo.DashboardPage
    ) async throws -> DemoReport {
        let evidence = try await DemoEvidence.read(demo.engine, demo.storage)
        let judge = DemoJudge(demo: demo, workload: workload, evidence: evidence)
        let checks = [
            judge.stuck, judge.tokens, judge.retried, judge.finished, judge.held, judge.beating, judge.malformed,
            judge.groups, judge.locks, judge.batches, judge.plans, judge.history, judge.files(preview: filesPreview),
            judge.refusal(detour), judge.undo(detour), judge.takeover(after: crash), judge.dashboard(page),
        ]
        let failed = checks.count { !$0.ok }
        return DemoReport(
            success: failed == 0,
            message: failed == 0
                ? "All \(checks.count) checks hold" : "\(failed) of \(checks.count) checks do not hold",
            seconds: (demo.stage.seconds * 10).rounded() / 10, checks: checks, runs: judge.shares)
    }

    /// Prints the report.
    func write() {
        Output.line()
        var table = Table("RUN", "INSTANCE", "STATUS", "CHANGES")
        for share in runs {
            let style: Style? = share.status == "lost" ? .red : nil
            table.add([
                (share.run, .bold), (share.instance, nil), (share.status, style), (share.changes.grouped, nil),
            ])
        }
        table.write(empty: "no runs")
        Output.line()
        for check in checks {
            Output.line((check.ok ? Style.green("✓") : Style.red("✗")) + " " + check.text.printable)
        }
        Output.line()
        Output.line((success ? Style.green : Style.red)("\(message), after \(seconds) s"))
    }
}
