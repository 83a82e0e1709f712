internal import Policies

/// How many of the tracked records one run may touch before a person must confirm it.
///
/// A run that would exceed both limits is refused before its first write (see `RunGuard`).
package struct GuardLimits: Sendable, Equatable, CustomStringConvertible {
    /// The share of the tracked records, in percent.
    package var share: Double
    /// A number of records that is always allowed, whatever its share.
    package var beyond: Int

    /// The defaults are those of the file.
    package init(share: Double = 25, beyond: Int = 1_000) {
        self.share = share
        self.beyond = beyond
    }

    /// Whether a run that touches this many of the tracked records exceeds the limits.
    func isExceeded(by count: Int, of tracked: Int) -> Bool {
        count > beyond && Double(count) * 100 > share * Double(tracked)
    }

    /// In the notation of the file: `share 25%, beyond 1000`.
    package var description: String { "share \(Self.text(percent: share))%, beyond \(beyond)" }

    /// A percentage without a zero fraction.
    static func text(percent: Double) -> String {
        let tenths = (percent * 10).rounded() / 10
        return tenths == tenths.rounded() ? String(Int(tenths)) : String(tenths)
    }
}

extension Section {
    /// The limits in `guard`, which is a section or `off`.
    ///
    /// Without it, policies that remove records have the default limits and others have none.
    func guardLimits(for policy: (any Policies.Policy)?) -> GuardLimits? {
        let usual = policy?.removesRecords == true ? GuardLimits() : nil
        guard has("guard"), let entry = entry("guard") else { return usual }
        if case .scalar(let scalar) = entry.value.content {
            guard scalar.text != "off", scalar.text != "false" else { return nil }
            problem("guard", "expected off, or a section like {share: 25%, beyond: 1000}, found “\(scalar.written)”")
            return nil
        }
        guard let section = section("guard") else { return nil }
        section.expect(["share", "beyond"])
        var limits = GuardLimits()
        limits.share = section.value("share", expected: "a share like 25%", Self.percent) ?? limits.share
        limits.beyond = section.integer("beyond", in: 0...Int.max) ?? limits.beyond
        return limits
    }

    private static func percent(_ text: String) -> Double? {
        guard text.hasSuffix("%"), let number = Double(text.dropLast()), (0...100).contains(number) else { return nil }
        return number
    }
}
