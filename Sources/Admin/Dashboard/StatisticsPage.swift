internal import Curfew

/// The statistics of a cleanup; for files, also the number of files and their size.
enum StatisticsPage {
    /// The page.
    static func html(_ statistics: Statistics, names: [String], _ viewer: Page.Viewer) -> String {
        Page(title: "Statistics: \(statistics.cleanup)", cleanups: names, current: statistics.cleanup).html(viewer) {
            Facts.html(rows(statistics).map { ($0.0, HTML($0.1)) })
            if let files = statistics.files, !files.isComplete {
                HTML.element("p", ["class": "notice warning"]) {
                    "The count was stopped by the cleanup's run-timeout: there are more files."
                }
            }
            HTML.element("p") {
                HTML.element("a", ["href": Link.cleanup(statistics.cleanup)]) { "Back to \(statistics.cleanup)" }
            }
        }
    }

    private static func rows(_ statistics: Statistics) -> [(String, String)] {
        var rows = [
            ("Tracked", Wording.number(statistics.tracked)), ("Due", Wording.number(statistics.due)),
            ("Oldest due since", statistics.oldestOverdueMs > 0 ? Wording.span(statistics.oldestOverdueMs) : "–"),
        ]
        if let files = statistics.files {
            rows += [
                ("Files", Wording.number(files.totalFiles)), ("Total size", ByteCount.text(files.totalStorageBytes)),
                ("Orphaned", Wording.number(files.orphanedCount)),
                ("Orphaned size", ByteCount.text(files.orphanedBytes)),
                ("Soft-deleted", Wording.number(files.softDeletedCount)),
                ("Claimed for deletion", Wording.number(files.claimedCount)),
                ("Unreadable", Wording.number(files.unreadableCount)),
            ]
        }
        return rows
    }
}
