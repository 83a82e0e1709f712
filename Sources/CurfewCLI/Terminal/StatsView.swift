internal import Curfew
internal import Policies

/// Statistics for people.
enum StatsView {
    /// Writes a table of all cleanups, and one of those whose records are files.
    static func write(_ all: [Statistics]) {
        var table = Table("CLEANUP", "POLICY", "TRACKED", "DUE", "DUE SINCE")
        for one in all {
            let late = one.oldestOverdueMs > 0 ? Duration.milliseconds(one.oldestOverdueMs).roughText : "-"
            table.add(one.cleanup, one.policy, String(one.tracked), String(one.due), late)
        }
        table.write(empty: "No cleanups.")
        var files = Table(
            "FILES", "TOTAL", "ORPHANED", "SOFT-DELETED", "CLAIMED", "UNREADABLE", "SIZE", "ORPHANED SIZE")
        var isAny = false
        for one in all {
            guard let count = one.files else { continue }
            isAny = true
            let total = count.isComplete ? "\(count.totalFiles)" : "\(count.totalFiles) or more"
            files.add(
                one.cleanup, total, "\(count.orphanedCount)", "\(count.softDeletedCount)", "\(count.claimedCount)",
                "\(count.unreadableCount)", size(count.totalStorageBytes), size(count.orphanedBytes))
        }
        guard isAny else { return }
        Output.line()
        files.write(empty: "")
    }

    /// A number of bytes in the unit that suits it.
    static func size(_ bytes: Int64) -> String {
        var tenths = Double(bytes)
        var units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][...]
        while tenths >= 1_024, units.count > 1 {
            tenths /= 1_024
            units = units.dropFirst()
        }
        let unit = units.first ?? ""
        return unit == "B" ? "\(bytes) B" : "\((tenths * 10).rounded() / 10) \(unit)"
    }
}
