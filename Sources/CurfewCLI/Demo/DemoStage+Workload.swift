internal import Curfew

extension DemoStage {
    /// Says what there is, and what must become of it.
    func tell(_ workload: DemoWorkload) {
        say("An application's records, left behind in every way:")
        let groups = workload.drifted + workload.unmarked + workload.crashed + workload.empty + workload.slow
        let history = workload.history
        let kinds = [
            (workload.stuck, "jobs stuck, out of retries → failed, \(DemoWorkload.cost) tokens refunded for each"),
            (workload.retriable, "jobs stuck, with retries left → queued again"),
            (workload.finished, "jobs that had finished and were never marked → completed"),
            (workload.held, "jobs that look stuck, but their worker is alive → left alone"),
            (workload.beating, "jobs with a fresh heartbeat → looked at again later"),
            (workload.malformed, "job with a time that nobody can read → reported, left alone"),
            (groups, "groups of tasks: counters drifted, crashed, never closed, or only slow"),
            (
                2 * (workload.staleLocks + workload.liveLocks),
                "locks, hashes and plain strings, two thirds of them stale"
            ),
            (
                workload.batches.count,
                "paused batches: forgotten → marked, warned about or cancelled; resumed → left alone"
            ),
            (workload.plans.count, "plans that wait for a job: gone or ended → back to DRAFT; alive → left alone"),
            (history.oldJobs + history.youngJobs, "ended jobs with a log each: the old ones → removed, both together"),
            (history.oldDownloads + history.youngDownloads, "downloads: so many are old that their guard refuses"),
            (workload.files.count, "files with their objects: orphaned or deleted → removed from storage, then here"),
        ]
        for (count, text) in kinds where !isSilent {
            let number = count.grouped
            Output.line(String(repeating: " ", count: max(0, 16 - number.count)) + "\(Style.bold(number))  \(text)")
        }
    }
}
