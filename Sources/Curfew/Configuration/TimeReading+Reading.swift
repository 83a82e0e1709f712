internal import Foundation
internal import Policies

extension TimeReading {
    /// Reads `time-unit`, `zone` and `null-times`: how the records of a cleanup write their times.
    init(_ section: Section) {
        self.init(
            unit: section.choice("time-unit", TimeUnit.allCases),
            zone: section.timeZone("zone").map(LocalZone.init),
            nulls: section.texts("null-times") ?? [])
    }
}

extension LocalZone {
    /// The zone as the system knows it.
    convenience init(_ zone: TimeZone) {
        self.init(name: zone.identifier) { second in
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))))
        }
    }
}

extension Section {
    /// A time zone by its name.
    func timeZone(_ key: String) -> TimeZone? {
        let expected = "a time zone like Europe/Berlin"
        guard let scalar = scalar(key, expected: expected) else { return nil }
        if let zone = TimeZone(identifier: scalar.text) { return zone }
        let guess = Spelling.nearest(to: scalar.text, among: TimeZone.knownTimeZoneIdentifiers)
        let hint = guess.map { ", did you mean “\($0)”?" } ?? ", expected \(expected)"
        problem(key, "unknown “\(scalar.written)”\(hint)")
        return nil
    }
}
