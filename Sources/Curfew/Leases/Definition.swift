internal import Foundation
internal import Policies
internal import RedisClient

/// What the name of a cleanup stands for, as it is noted in `{curfew}:definitions`.
///
/// Two configurations that share a prefix may give one name to different records: each would then take the other's
/// entries for its own. So the first one notes what it means, and another meaning is refused as long as an instance lives
/// that goes by the first. When it runs is noted beside it: whoever changes that schedules it anew.
struct Definition: Sendable, Equatable, Codable {
    /// The kind of its policy, and the keys of its records.
    var policy: String, records: String
    /// The application's index; empty where Curfew keeps one.
    var index: String
    /// Milliseconds between two runs; empty where a cron line says when it runs.
    var everyMs: String
    /// The cron line and its zone; empty where there is none.
    var cron: String, timezone: String
    /// `1` where the schedule doesn't run it, else empty.
    var off: String
    /// The fingerprints of the configurations that mean this by it, newest last, with spaces between.
    var configs: String
    /// Which instance noted it, and when: ISO 8601.
    var by: String, at: String

    private enum CodingKeys: String, CodingKey {
        case policy, records, index, cron, timezone, off, configs, by, at
        case everyMs = "every_ms"
    }

    /// The most configurations that are remembered.
    private static let mostConfigs = 16

    /// What a configuration says.
    init(_ cleanup: Cleanup, config: String, by instance: String, at now: Timestamp) {
        policy = cleanup.kind.rawValue
        records = "\(cleanup.records)"
        index = cleanup.index ?? ""
        (everyMs, cron, timezone) = ("", "", "")
        switch cleanup.schedule {
        case .every(let interval): everyMs = String(interval.milliseconds)
        case .cron(let expression, let zone): (cron, timezone) = (expression.text, zone.name)
        }
        off = cleanup.isEnabled ? "" : "1"
        configs = config
        by = instance
        at = now.iso8601
    }

    /// Reads what is noted; nil where it isn't ours.
    init?(text: String) {
        do {
            self = try JSONDecoder().decode(Definition.self, from: Data(text.utf8))
        } catch {
            return nil
        }
    }

    /// As it is noted.
    var text: String {
        let members = [
            ("policy", policy), ("records", records), ("index", index), ("every_ms", everyMs), ("cron", cron),
            ("timezone", timezone), ("off", off), ("configs", configs), ("by", by), ("at", at),
        ]
        return JSONText.object(members.map { FieldWrite(field: $0.0, value: $0.1) })
    }

    /// When it runs; nil where that can't be read.
    var schedule: Schedule? {
        if let every = Int64(everyMs) { return .every(.milliseconds(every)) }
        guard let zone = Zone(timezone) else { return nil }
        do {
            return .cron(try CronExpression(cron), timezone: zone)
        } catch {
            return nil
        }
    }

    var isOff: Bool { !off.isEmpty }

    /// Whether it is about the same records.
    func means(theSameAs other: Definition) -> Bool {
        (policy, records, index) == (other.policy, other.records, other.index)
    }

    func runs(asOftenAs other: Definition) -> Bool {
        (everyMs, cron, timezone) == (other.everyMs, other.cron, other.timezone)
    }

    /// Whether an instance with that configuration goes by it.
    func isOf(config: String) -> Bool {
        configs.split(separator: " ").contains { $0 == config }
    }

    /// The configurations that were noted after that one; nil where it isn't among them, or is the last.
    func configs(after config: String) -> [String]? {
        let all = configs.split(separator: " ").map(String.init)
        guard let place = all.lastIndex(of: config), place < all.count - 1 else { return nil }
        return Array(all[(place + 1)...])
    }

    /// This one in the place of another that means the same: the configurations of both go by it.
    func joined(with other: Definition) -> Definition {
        var joined = self
        let all = other.configs.split(separator: " ").filter { $0 != configs } + configs.split(separator: " ")
        joined.configs = all.suffix(Self.mostConfigs).joined(separator: " ")
        return joined
    }

    /// In words: `stuck, records job:<id>, index jobs:deadlines`.
    var words: String {
        "\(policy), records \(records)" + (index.isEmpty ? "" : ", index \(index)")
    }
}
