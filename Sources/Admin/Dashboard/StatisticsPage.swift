internal import Curfew

/// How much a cleanup watches over; of files how many there are, and what they take.
enum StatisticsPage {
    /// The page.
    static func html(_ statistics: Statistics, names: [String], _ viewer: Page.Viewer) -> String {
        Page(title: "Statistics of \(statistics.cleanup)", cleanups: names, current: statistics.cleanup).html(viewer) {
            Facts.html(rows(statistics).map { ($0.0, HTML($0.1)) })
            if let files = statistics.files, !files.isComplete {
                HTML.element("p", ["class": "notice warning"]) {
                    "The count ended with the cleanup's run-timeout: there are more files than these."
                }
            }
            HTML.element("p") {
                HTML.element("a", ["href": Link.cleanup(statistics.cleanup)]) { "To \(statistics.cleanup)" }
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
                ("Files", Wording.number(files.totalFiles)), ("Their size", ByteCount.text(files.totalStorageBytes)),
                ("Orphaned", Wording.number(files.orphanedCount)),
                ("Size of orphans", ByteCount.text(files.orphanedBytes)),
                ("Softly deleted", Wording.number(files.softDeletedCount)),
                ("Claimed for deletion", Wording.number(files.claimedCount)),
                ("Unreadable", Wording.number(files.unreadableCount)),
            ]
        }
        return rows
    }
}
