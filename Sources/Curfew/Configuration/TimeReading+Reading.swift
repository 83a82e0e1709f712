internal import Foundation
internal import Policies

extension TimeReading {
    /// Reads `time-unit`, `zone` and `null-times`: how the records of a cleanup write times.
    init(_ section: Section) {
        self.init(
            unit: section.choice("time-unit", TimeUnit.allCases),
            zone: section.timeZone("zone").map(LocalZone.init),
            nulls: section.texts("null-times") ?? [])
    }
}

extension LocalZone {
    /// The zone with the data at the time of reading: it is used for every record, so a file isn't read each time.
    convenience init(_ zone: Zone) {
        let offset = zone.offset
        self.init(name: zone.name) { Int64(offset(Int($0))) }
    }
}

extension Section {
    /// A time zone by its name.
    func timeZone(_ key: String) -> Zone? {
        let expected = "a time zone like Europe/Berlin"
        guard let scalar = scalar(key, expected: expected) else { return nil }
        if let zone = Zone(scalar.text) { return zone }
        let guess = Spelling.nearest(to: scalar.text, among: TimeZone.knownTimeZoneIdentifiers)
        let hint = guess.map { ", did you mean “\($0)”?" } ?? ", expected \(expected)"
        problem(key, "unknown “\(scalar.written)”\(hint)")
        return nil
    }
}
