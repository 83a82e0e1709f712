internal import Curfew
internal import Policies

/// Compares the state of Redis with what the workload requires.
struct DemoJudge {
    let demo: Demo
    let workload: DemoWorkload
    let evidence: DemoEvidence

    typealias Check = DemoReport.Check

    /// Stuck jobs are failed, by exactly one event each.
    var stuck: Check {
        let failed = count("stuck", is: "FAILED")
        let once = changedOnce("stuck", workload.stuck, by: "fail")
        return Check(
            ok: failed == workload.stuck && once == workload.stuck,
            text: "\(failed.grouped) of \(workload.stuck.grouped) stuck jobs are FAILED, "
                + "\(once.grouped) of them changed exactly once")
    }

    /// Balances, ledgers and events agree.
    var tokens: Check {
        let due = workload.stuck * DemoWorkload.cost
        let recorded = evidence.events.reduce(0) { $0 + Int($1.tokens.whole ?? 0) }
        let isSo =
            evidence.paid == due && evidence.ledgerTokens == due && recorded == due
            && evidence.ledgerEntries == workload.stuck
        return Check(
            ok: isSo,
            text: "\(due.grouped) tokens were due as refunds: balances grew by \(evidence.paid.grouped), "
                + "\(evidence.ledgerEntries.grouped) ledger entries say \(evidence.ledgerTokens.grouped), "
                + "events \(recorded.grouped)"
        )
    }

    /// Retried jobs are in the queue once, and their attempts are counted.
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

    /// Finished jobs are completed, without a refund (which ``tokens`` would show).
    var finished: Check {
        let completed = count("done", is: "COMPLETED")
        let once = changedOnce("done", workload.finished, by: "complete")
        return Check(
            ok: completed == workload.finished && once == completed,
            text: "\(completed) of \(workload.finished) jobs that had finished are COMPLETED, without a refund"
        )
    }

    /// Jobs whose worker is alive are still processing.
    var held: Check {
        let left = count("held", is: "PROCESSING")
        return Check(
            ok: left == workload.held && !isTouched("held"),
            text: "\(left) of \(workload.held) jobs whose worker is alive were left alone")
    }

    /// Jobs with a heartbeat are still processing, with a later deadline in the index.
    var beating: Check {
        let left = count("beat", is: "PROCESSING")
        let moved = (0..<workload.beating).count { evidence.scheduled.contains("beat-\($0)") }
        return Check(
            ok: left == workload.beating && moved == left && !isTouched("beat"),
            text: "\(left) of \(workload.beating) jobs with a heartbeat were left alone, "
                + "\(moved) have a later deadline")
    }

    /// The malformed job is unchanged and was reported by a run.
    var malformed: Check {
        let left = count("broken", is: "PROCESSING")
        let own = evidence.runs.filter { $0["cleanup"] == "stuck-jobs" }
        let reports = own.count { ($0["failed"].flatMap { Int($0) } ?? 0) > 0 }
        return Check(
            ok: left == workload.malformed && reports > 0 && !isTouched("broken"),
            text: "\(workload.malformed) malformed job was reported (by \(reports) runs) and left unchanged")
    }

    /// Groups are closed with correct counters; the slow ones are still active.
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
            text: "\(right) of \(all) groups of tasks are as expected: counters correct, closed or still active")
    }

    /// Stale locks are released; live locks are still held.
    var locks: Check {
        let stale = evidence.locks.count { $0.contains(":stale-") }
        let live = evidence.locks.count { $0.contains(":live-") }
        return Check(
            ok: stale == 0 && live == 2 * workload.liveLocks,
            text: "\(2 * workload.staleLocks - stale) of \(2 * workload.staleLocks) stale locks are released, "
                + "\(live) of \(2 * workload.liveLocks) live ones are still held")
    }

    /// The interrupted run is lost, and another instance continued within a lease.
    func takeover(after crash: Demo.Crash) -> Check {
        let own = evidence.runs.filter { $0["cleanup"] == "stuck-jobs" }
        let lost = own.first { $0["run"] == crash.run }
        let fence = lost?["fence"].flatMap { Int($0) } ?? 0
        guard let lost, lost["status"] == "lost", let next = own.first(where: { $0["fence"] == String(fence + 1) }),
            let began = next["started_ms"].flatMap({ Int64($0) }), let instance = next["instance"]
        else { return Check(ok: false, text: "\(crash.run) of \(crash.victim.name) was not continued elsewhere") }
        let later = Timestamp(milliseconds: began) - crash.at
        // A heartbeat of a second, plus some time for a busy machine.
        let isInTime = later <= demo.pace.lease + .seconds(3)
        let seconds = Double(later.milliseconds) / 1000
        return Check(
            ok: isInTime && demo.name(of: instance) != crash.victim.name,
            text: "\(crash.run) of \(crash.victim.name) was lost; \(next["run"] ?? "") "
                + "on \(demo.name(of: instance)) continued \((seconds * 10).rounded() / 10) s later")
    }

    /// Runs that changed something, with the events they wrote.
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

    /// How many jobs of a kind have exactly one event, with this action.
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
