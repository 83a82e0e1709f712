internal import Curfew
internal import Policies

/// Statistics for people.
enum StatsView {
    /// Prints a table of all cleanups, and a table of those with files.
    static func write(_ all: [Statistics]) {
        var table = Table("CLEANUP", "POLICY", "TRACKED", "DUE", "DUE SINCE")
        for one in all {
            let late = one.oldestOverdueMs > 0 ? Duration.milliseconds(one.oldestOverdueMs).roughText : "-"
            table.add(one.cleanup, one.policy, String(one.tracked), String(one.due), late)
        }
        table.write(empty: "no cleanups")
        var files = Table(
            "FILES", "TOTAL", "ORPHANED", "SOFT-DELETED", "CLAIMED", "UNREADABLE", "SIZE", "ORPHANED SIZE")
        var isAny = false
        for one in all {
            guard let count = one.files else { continue }
            isAny = true
            let total = count.isComplete ? "\(count.totalFiles)" : "\(count.totalFiles) or more"
            files.add(
                one.cleanup, total, "\(count.orphanedCount)", "\(count.softDeletedCount)", "\(count.claimedCount)",
                "\(count.unreadableCount)", ByteCount.text(count.totalStorageBytes),
                ByteCount.text(count.orphanedBytes))
        }
        guard isAny else { return }
        Output.line()
        files.write(empty: "")
    }
}
