internal import Foundation
internal import Policies
internal import RedisClient

/// The meaning of a cleanup's name, as recorded in `{curfew}:definitions`.
///
/// Two configurations with the same prefix may use one name for different records, and each would then treat the
/// other's entries as its own. So the first one records its meaning, and another meaning is refused as long as an
/// instance with the first one is alive. The schedule is recorded as well: a changed schedule reschedules the cleanup.
struct Definition: Sendable, Equatable, Codable {
    /// The kind of its policy, and the key template of its records.
    var policy: String, records: String
    /// The application's index; empty if Curfew keeps one.
    var index: String
    /// Milliseconds between two runs; empty for a cron schedule.
    var everyMs: String
    /// The cron expression and its time zone; empty if there is none.
    var cron: String, timezone: String
    /// `1` if the cleanup is disabled, otherwise empty.
    var off: String
    /// The fingerprints of the configurations with this definition, newest last, separated by spaces.
    var configs: String
    /// The instance that recorded it, and when: ISO 8601.
    var by: String, at: String

    private enum CodingKeys: String, CodingKey {
        case policy, records, index, cron, timezone, off, configs, by, at
        case everyMs = "every_ms"
    }

    /// How many configurations are remembered.
    private static let mostConfigs = 16

    /// The definition in a configuration.
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

    /// Parses a recorded definition; nil if it is invalid.
    init?(text: String) {
        do {
            self = try JSONDecoder().decode(Definition.self, from: Data(text.utf8))
        } catch {
            return nil
        }
    }

    /// The text that is recorded.
    var text: String {
        let members = [
            ("policy", policy), ("records", records), ("index", index), ("every_ms", everyMs), ("cron", cron),
            ("timezone", timezone), ("off", off), ("configs", configs), ("by", by), ("at", at),
        ]
        return JSONText.object(members.map { FieldWrite(field: $0.0, value: $0.1) })
    }

    /// The schedule; nil if it can't be parsed.
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

    /// Whether it means the same records.
    func means(theSameAs other: Definition) -> Bool {
        (policy, records, index) == (other.policy, other.records, other.index)
    }

    func runs(asOftenAs other: Definition) -> Bool {
        (everyMs, cron, timezone) == (other.everyMs, other.cron, other.timezone)
    }

    /// Whether an instance with that configuration uses it.
    func isOf(config: String) -> Bool {
        configs.split(separator: " ").contains { $0 == config }
    }

    /// The configurations that were recorded after that one; nil if it is missing or the last one.
    func configs(after config: String) -> [String]? {
        let all = configs.split(separator: " ").map(String.init)
        guard let place = all.lastIndex(of: config), place < all.count - 1 else { return nil }
        return Array(all[(place + 1)...])
    }

    /// This definition in place of another with the same meaning: the configurations of both use it.
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
