internal import Curfew

extension DemoStage {
    /// Prints what the workload contains and what must happen to it.
    func describe(_ workload: DemoWorkload) {
        say("An application's records, stuck in every way:")
        let groups = workload.drifted + workload.unmarked + workload.crashed + workload.empty + workload.slow
        let history = workload.history
        let kinds = [
            (workload.stuck, "jobs stuck, out of retries → failed, \(DemoWorkload.cost) tokens refunded for each"),
            (workload.retriable, "jobs stuck, with retries left → queued again"),
            (workload.finished, "jobs that finished but were never marked → completed"),
            (workload.held, "jobs that look stuck but whose worker is alive → left alone"),
            (workload.beating, "jobs with a recent heartbeat → checked again later"),
            (workload.malformed, "job with an unreadable time → reported, left alone"),
            (groups, "groups of tasks: drifted counters, crashed, never closed, or only slow"),
            (
                2 * (workload.staleLocks + workload.liveLocks),
                "locks (hashes and plain strings), two thirds of them stale"
            ),
            (
                workload.batches.count,
                "paused batches: forgotten → marked, warned about or cancelled; resumed → left alone"
            ),
            (workload.plans.count, "plans that wait for a job: gone or ended → back to DRAFT; alive → left alone"),
            (history.oldJobs + history.youngJobs, "ended jobs, each with a log: old ones → removed with their log"),
            (history.oldDownloads + history.youngDownloads, "downloads: so many old ones that the guard refuses"),
            (workload.files.count, "files with an object: orphaned or deleted → removed from storage, then here"),
        ]
        for (count, text) in kinds where !isSilent {
            let number = count.grouped
            Output.line(String(repeating: " ", count: max(0, 16 - number.count)) + "\(Style.bold(number))  \(text)")
        }
    }
}
