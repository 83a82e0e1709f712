internal import Curfew
internal import Policies

/// Compares what the workload asked for with what there is.
struct DemoJudge {
    let demo: Demo
    let workload: DemoWorkload
    let evidence: DemoEvidence

    typealias Check = DemoReport.Check

    /// Failed, and by exactly one event each.
    var stuck: Check {
        let failed = count("stuck", is: "FAILED")
        let once = changedOnce("stuck", workload.stuck, by: "fail")
        return Check(
            ok: failed == workload.stuck && once == workload.stuck,
            text: "\(failed.grouped) of \(workload.stuck.grouped) stuck jobs are FAILED, "
                + "\(once.grouped) of them changed exactly once")
    }

    /// Balances, ledgers and events say the same.
    var tokens: Check {
        let due = workload.stuck * DemoWorkload.cost
        let told = evidence.events.reduce(0) { $0 + Int($1.tokens) }
        let isSo =
            evidence.paid == due && evidence.ledgerTokens == due && told == due
            && evidence.ledgerEntries == workload.stuck
        return Check(
            ok: isSo,
            text: "\(due.grouped) tokens to be refunded: balances grew by \(evidence.paid.grouped), "
                + "\(evidence.ledgerEntries.grouped) ledger entries say \(evidence.ledgerTokens.grouped), "
                + "events \(told.grouped)"
        )
    }

    /// In the queue once, and counted.
    var retried: Check {
        let queued = count("retry", is: "QUEUED")
        let once = changedOnce("retry", workload.retriable, by: "retry")
        let expected = Set((0..<workload.retriable).map { "retry-\($0)" })
        let isSo = queued == workload.retriable && once == queued && evidence.queue.count == queued
        return Check(
            ok: isSo && Set(evidence.queue) == expected,
            text: "\(queued.grouped) of \(workload.retriable.grouped) jobs with retries left are QUEUED, "
                + "\(evidence.queue.count.grouped) entries in the queue")
    }

    /// Completed, without a refund (which ``tokens`` would show).
    var finished: Check {
        let completed = count("done", is: "COMPLETED")
        let once = changedOnce("done", workload.finished, by: "complete")
        return Check(
            ok: completed == workload.finished && once == completed,
            text: "\(completed) of \(workload.finished) jobs that had finished are COMPLETED, nothing refunded for them"
        )
    }

    /// Still at work.
    var held: Check {
        let left = count("held", is: "PROCESSING")
        return Check(
            ok: left == workload.held && !isTouched("held"),
            text: "\(left) of \(workload.held) jobs whose worker is alive were left alone")
    }

    /// Still at work, and in the index under a time to come.
    var beating: Check {
        let left = count("beat", is: "PROCESSING")
        let moved = (0..<workload.beating).count { evidence.scheduled.contains("beat-\($0)") }
        return Check(
            ok: left == workload.beating && moved == left && !isTouched("beat"),
            text: "\(left) of \(workload.beating) jobs with a heartbeat were left alone, "
                + "\(moved) are looked at again when it is old")
    }

    /// As it was, and reported by a run.
    var malformed: Check {
        let left = count("broken", is: "PROCESSING")
        let own = evidence.runs.filter { $0["cleanup"] == "stuck-jobs" }
        let reports = own.count { ($0["failed"].flatMap { Int($0) } ?? 0) > 0 }
        return Check(
            ok: left == workload.malformed && reports > 0 && !isTouched("broken"),
            text: "\(workload.malformed) malformed job was reported (by \(reports) of the runs) and left as it is")
    }

    /// Closed, with counters that add up; the slow ones go on.
    var groups: Check {
        let expected = [
            ("drifted", workload.drifted, "completed 8 2"), ("unmarked", workload.unmarked, "completed 7 3"),
            ("crashed", workload.crashed, "completed 4 6"), ("empty", workload.empty, "failed 0 10"),
            ("slow", workload.slow, "processing 5 0"),
        ]
        let right = expected.reduce(0) { sum, group in
            sum + (0..<group.1).count { evidence.groups["\(group.0)-\($0)"] == group.2 }
        }
        let all = expected.reduce(0) { $0 + $1.1 }
        return Check(
            ok: right == all,
            text: "\(right) of \(all) groups of tasks are as they must be: counters right, closed or still active")
    }

    /// The stale ones gone, the live ones there.
    var locks: Check {
        let stale = evidence.locks.count { $0.contains(":stale-") }
        let live = evidence.locks.count { $0.contains(":live-") }
        return Check(
            ok: stale == 0 && live == 2 * workload.liveLocks,
            text: "\(2 * workload.staleLocks - stale) of \(2 * workload.staleLocks) stale locks are released, "
                + "\(live) of \(2 * workload.liveLocks) live ones are still held")
    }

    /// The run that was cut short is lost, and the next went on elsewhere within a lease.
    func takeover(after crash: Demo.Crash) -> Check {
        let own = evidence.runs.filter { $0["cleanup"] == "stuck-jobs" }
        let lost = own.first { $0["run"] == crash.run }
        let fence = lost?["fence"].flatMap { Int($0) } ?? 0
        guard let lost, lost["status"] == "lost", let next = own.first(where: { $0["fence"] == String(fence + 1) }),
            let began = next["started_ms"].flatMap({ Int64($0) }), let instance = next["instance"]
        else { return Check(ok: false, text: "\(crash.run) of \(crash.victim.name) was not taken over") }
        let later = Timestamp(milliseconds: began) - crash.at
        // A heartbeat of a second, and a little for a machine that is busy building.
        let isInTime = later <= DemoConfiguration.lease + .seconds(3)
        let seconds = Double(later.milliseconds) / 1000
        return Check(
            ok: isInTime && demo.name(of: instance) != crash.victim.name,
            text: "\(crash.run) of \(crash.victim.name) was lost with it; \(next["run"] ?? "") "
                + "on \(demo.name(of: instance)) went on \((seconds * 10).rounded() / 10) s later")
    }

    /// Runs that changed something, with the events they left.
    var shares: [DemoReport.RunShare] {
        let changes = evidence.events.filter { !$0.record.isEmpty }
        let counts = Dictionary(changes.map { ($0.run, 1) }, uniquingKeysWith: +)
        return evidence.runs.compactMap { run in
            guard let id = run["run"], let count = counts[id] else { return nil }
            return .init(
                run: id, instance: demo.name(of: run["instance"] ?? ""), status: run["status"] ?? "", changes: count)
        }
    }

    private func count(_ kind: String, is status: String) -> Int {
        evidence.jobs.count { $0.key.hasPrefix(kind + "-") && $0.value == status }
    }

    /// How many jobs of a kind have exactly one event, and that with this action.
    private func changedOnce(_ kind: String, _ count: Int, by action: String) -> Int {
        var actions: [String: [String]] = [:]
        for event in evidence.events where event.cleanup == "stuck-jobs" && event.record.hasPrefix(kind + "-") {
            actions[event.record, default: []].append(event.action)
        }
        return actions.count { $0.value == [action] }
    }

    private func isTouched(_ kind: String) -> Bool {
        evidence.events.contains { $0.record.hasPrefix(kind + "-") }
    }
}
