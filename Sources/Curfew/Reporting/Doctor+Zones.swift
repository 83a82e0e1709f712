internal import Foundation
internal import Policies

/// Which data of time zones counts here, how old it is, and where it says something else than what is built in.
extension Doctor {
    /// How far ahead two sets of data are compared: what a schedule of this year and the next two comes across.
    private static let compared = 3 * 366 * 86_400
    /// The distance of the looks: no zone changes its clocks and back in less.
    private static let step = 6 * 3_600

    /// One finding that says which data counts, and one for each zone of the file about which there is more to say.
    func zones() -> [Finding] {
        let names = Set(configuration.cleanups.flatMap(\.zoneNames)).subtracting(["UTC"])
        return Self.findings(on: names.sorted(), in: .system, at: Date())
    }

    /// The same for some zones, with the data of a folder.
    static func findings(on names: [String], in folder: ZoneFolder, at now: Date) -> [Finding] {
        let builtIn = "the program's own, \(TimeZone.timeZoneDataVersion)"
        guard let path = folder.path else {
            let message = "\(builtIn): this machine has none"
            let names = names.filter { Zone($0, in: folder)?.fixedOffset == nil }
            guard !names.isEmpty else { return [Finding("time zones", .ok, message)] }
            return [
                Finding(
                    "time zones", .warning, "\(message), and \(names.joined(separator: ", ")) may change its clocks",
                    advice: "install the package tzdata, which is kept up to date, or mount /usr/share/zoneinfo")
            ]
        }
        let version = folder.version
        let system = "the machine's, \(version ?? "which says no version") (\(path))"
        let first = Finding("time zones", .ok, "\(system); the program's own is \(TimeZone.timeZoneDataVersion)")
        return [first] + names.compactMap { Zone($0, in: folder) }.compactMap { finding($0, version, from: now) }
    }

    /// What is to be said of a zone; nil where both sets of data agree about it.
    private static func finding(_ zone: Zone, _ version: String?, from now: Date) -> Finding? {
        let check = "time zone \(zone.name)"
        if let offset = zone.fixedOffset {
            return Finding(check, .ok, "always at \(Self.offset(offset)), whatever the data")
        }
        guard let file = zone.file else {
            let why = zone.hasFile ? "its file on this machine can't be read" : "this machine has no file of it"
            return Finding(
                check, .warning, "\(why): the program's own data counts", advice: "install the package tzdata anew")
        }
        let start = Int(now.timeIntervalSince1970)
        guard zone.builtInOffset(at: start) != nil else {
            return Finding(check, .ok, "known to the machine's data alone, which counts")
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
            "\(time) at \(offset(file.offset(at: late))) by the machine's data, which counts, and at "
            + "\(offset(zone.builtInOffset(at: late) ?? 0)) by the program's own"
        // Versions are a year and a letter.
        if let version, version > TimeZone.timeZoneDataVersion { return Finding(check, .ok, message) }
        return Finding(
            check, .warning, message,
            advice: "see which is right; where the machine's is the older, update its package tzdata")
    }

    /// `+05:30`.
    private static func offset(_ seconds: Int) -> String {
        let minutes = abs(seconds) / 60
        return String(format: "%@%02d:%02d", seconds < 0 ? "-" : "+", minutes / 60, minutes % 60)
    }
}

extension Cleanup {
    /// The time zones that it names.
    fileprivate var zoneNames: [String] {
        var names: [String] = []
        if case .cron(_, let zone) = schedule { names.append(zone.name) }
        if let zone = policy.times.zone { names.append(zone.name) }
        return names
    }
}
