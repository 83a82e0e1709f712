internal import Foundation
internal import Policies

/// The time zone data in use, its age, and where it differs from the built-in data.
extension Doctor {
    /// How far ahead the two data sets are compared: this year and the next two.
    private static let compared = 3 * 366 * 86_400
    /// The interval of the comparison: no zone changes its offset and back in less.
    private static let step = 6 * 3_600

    /// One finding on the data in use, and one for each configured zone that needs a remark.
    func zones() -> [Finding] {
        let names = Set(configuration.cleanups.flatMap(\.zoneNames)).subtracting(["UTC"])
        return Self.findings(on: names.sorted(), in: .system, at: Date())
    }

    /// The same for given zones and the data of a folder.
    static func findings(on names: [String], in folder: ZoneFolder, at now: Date) -> [Finding] {
        let builtIn = "built-in data \(TimeZone.timeZoneDataVersion)"
        guard let path = folder.path else {
            let message = "\(builtIn): this machine has none"
            let names = names.filter { Zone($0, in: folder)?.fixedOffset == nil }
            guard !names.isEmpty else { return [Finding("time zones", .ok, message)] }
            return [
                Finding(
                    "time zones", .warning,
                    "\(message), and the clock rules of \(names.joined(separator: ", ")) may change",
                    advice: "install the package tzdata and keep it up to date, or mount /usr/share/zoneinfo")
            ]
        }
        let version = folder.version
        let system = "data of this machine, \(version ?? "unknown version") (\(path))"
        let first = Finding("time zones", .ok, "\(system); the built-in version is \(TimeZone.timeZoneDataVersion)")
        return [first] + names.compactMap { Zone($0, in: folder) }.compactMap { finding($0, version, from: now) }
    }

    /// The finding on a zone; nil if both data sets agree.
    private static func finding(_ zone: Zone, _ version: String?, from now: Date) -> Finding? {
        let check = "time zone \(zone.name)"
        if let offset = zone.fixedOffset {
            return Finding(check, .ok, "fixed offset \(Self.offset(offset))")
        }
        guard let file = zone.file else {
            let why = zone.hasFile ? "its file on this machine can't be read" : "this machine has no file for it"
            return Finding(
                check, .warning, "\(why): the built-in data is used", advice: "reinstall the package tzdata")
        }
        let start = Int(now.timeIntervalSince1970)
        guard zone.builtInOffset(at: start) != nil else {
            return Finding(check, .ok, "only the data of this machine has it, and is used")
        }
        let differs = { (second: Int) in zone.builtInOffset(at: second) != file.offset(at: second) }
        guard var late = stride(from: start, to: start + compared, by: step).first(where: differs) else {
            return nil
        }
        var early = max(start - 1, late - step)
        while late - early > 1 {
            let middle = (early + late) / 2
            if differs(middle) { late = middle } else { early = middle }
        }
        let time = late == start ? "now" : "from \(Timestamp(milliseconds: Int64(late) * 1000).iso8601)"
        let message =
            "\(time) at \(offset(file.offset(at: late))) by the data of this machine, which is used, and at "
            + "\(offset(zone.builtInOffset(at: late) ?? 0)) by the built-in data"
        // Versions are a year and a letter.
        if let version, version > TimeZone.timeZoneDataVersion { return Finding(check, .ok, message) }
        return Finding(
            check, .warning, message,
            advice: "check which is right; if the data of this machine is older, update its package tzdata")
    }

    /// `+05:30`.
    private static func offset(_ seconds: Int) -> String {
        let minutes = abs(seconds) / 60
        return String(format: "%@%02d:%02d", seconds < 0 ? "-" : "+", minutes / 60, minutes % 60)
    }
}

extension Cleanup {
    /// The time zones that it uses.
    fileprivate var zoneNames: [String] {
        var names: [String] = []
        if case .cron(_, let zone) = schedule { names.append(zone.name) }
        if let zone = policy.times.zone { names.append(zone.name) }
        return names
    }
}
