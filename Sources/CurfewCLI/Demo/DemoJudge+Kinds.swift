internal import Curfew

/// The checks of batches, plans, history, files, the guard and the dashboard.
extension DemoJudge {
    /// Batches are marked, warned about once, cancelled or left alone.
    var batches: Check {
        let batches = workload.batches
        let right = batches.right(in: evidence.batches, loaded: workload.loaded)
        let warnings = events(of: "paused-batches", action: "warn")
        let due = batches.kinds.filter { $0.outcome.hasSuffix("warned") }.reduce(0) { $0 + $1.count }
        let isOnce = warnings.count == due && Set(warnings).count == due
        return Check(
            ok: right == batches.count && isOnce,
            text:
                "\(right) of \(batches.count) batches are as expected: marked, \(warnings.count) warned about once, "
                + "cancelled, or left alone because they were resumed")
    }

    /// Plans are back to DRAFT, or still waiting.
    var plans: Check {
        let right = workload.plans.right(in: evidence.plans)
        return Check(
            ok: right == workload.plans.count,
            text: "\(right) of \(workload.plans.count) plans are as expected: "
                + "DRAFT if their job is gone or has ended, PENDING if it is alive")
    }

    /// Old jobs are gone with their logs; young jobs and their logs are kept.
    var history: Check {
        let (old, young) = workload.history.jobs
        let gone = old.count { evidence.jobs[$0] == nil && !evidence.logs.contains($0) }
        let kept = young.count { evidence.jobs[$0] != nil && evidence.logs.contains($0) }
        let removed = events(of: "old-jobs", action: "remove")
        return Check(
            ok: gone == old.count && kept == young.count && removed.count == old.count && Set(removed) == Set(old),
            text:
                "\(gone) of \(old.count) old jobs are gone with their logs, \(kept) of \(young.count) young ones are kept"
        )
    }

    /// Files are gone from Redis and from storage, or present in both; in a preview all are present.
    func files(preview: RunResult?) -> Check {
        let files = workload.files
        let (going, staying) = (files.going, files.staying)
        let bytes = Int64(going.count * DemoFiles.size)
        if let preview {
            let isSo = preview.totalFound == going.count && preview.failed == 0 && preview.bytesFreed == bytes
            return Check(
                ok: isSo && evidence.files.count == files.count && evidence.files.values.allSatisfy(\.isEmpty),
                text: "\(preview.totalFound) of \(going.count) files would be deleted; without an S3 server all "
                    + "\(evidence.files.count) still exist")
        }
        let gone = going.count { evidence.files[$0] == nil }
        let kept = staying.count { evidence.files[$0]?.isEmpty == true }
        let freed = evidence.runs.filter { $0["cleanup"] == "files" }
            .reduce(0) { $0 + ($1["bytes_freed"].flatMap { Int64($0) } ?? 0) }
        let isStorageRight = evidence.objects == Set(files.stayingObjects)
        return Check(
            ok: gone == going.count && kept == staying.count && isStorageRight && freed == files.storedBytes,
            text: "\(gone) of \(going.count) orphaned and deleted files are gone, "
                + "\(kept) of \(staying.count) others still exist; the bucket holds \(evidence.objects.count) objects, "
                + (isStorageRight ? "exactly theirs" : "which are not exactly theirs"))
    }

    /// The run was refused before it changed anything, then allowed by a person, whose name is recorded.
    func refusal(_ detour: Demo.Detour) -> Check {
        let own = evidence.runs.filter { $0["cleanup"] == "old-downloads" }
        let refused = own.filter { $0["status"] == "refused" }
        let isUntouched = refused.allSatisfy { $0["changed"] == "0" }
        let noted = evidence.events.contains { $0.run == detour.overridden.run && $0.action == "override" }
        let old = workload.history.oldDownloads
        return Check(
            ok: !refused.isEmpty && isUntouched && noted && detour.overridden.cleanedUp == old && detour.missing == old,
            text: "The guard refused to remove \(old) of \(workload.history.downloadKeys.count) downloads; "
                + "after an override, \(detour.missing) were removed"
                + (noted ? " and the person was recorded" : ", but the person was not recorded"))
    }

    /// Every download is as it was before.
    func undo(_ detour: Demo.Detour) -> Check {
        let undone = evidence.events.count { event in
            event.run == detour.undone.run && event.action == "undo" && !event.record.isEmpty
        }
        return Check(
            ok: detour.isRestored && detour.undone.cleanedUp == detour.missing && undone == detour.missing,
            text: "\(detour.undone.cleanedUp) of \(detour.missing) were restored by an undo, all downloads are "
                + (detour.isRestored ? "identical to before" : "not identical to before"))
    }

    /// An instance that was not killed serves the dashboard with every cleanup on it.
    func dashboard(_ page: Demo.DashboardPage) -> Check {
        let names = demo.engine.configuration.cleanups.map(\.name)
        let shown = names.count { page.text.contains($0) }
        return Check(
            ok: page.failure == nil && shown == names.count,
            text: "The dashboard of \(page.instance) "
                + (page.failure.map { "can't be read: \($0)" } ?? "shows \(shown) of \(names.count) cleanups"))
    }

    /// The records with an event of this action and cleanup, one entry per event.
    private func events(of cleanup: String, action: String) -> [String] {
        evidence.events.filter { $0.cleanup == cleanup && $0.action == action }.map(\.record)
    }
}
