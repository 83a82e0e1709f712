internal import Policies
package import RedisClient

/// Looks whether the keys that a configuration names are in Redis, and are of the kind that it says: a part of
/// `config check --live`.
///
/// It only reads, as slowly as a scan, and looks at a bounded number of keys.
package struct LiveCheck {
    /// How many keys are looked at.
    private static let mostKeys = 200_000
    /// How many keys of each template are kept and read.
    private static let sample = 20

    private let redis: RedisClient
    private let configuration: Configuration
    private let keys: Keys
    private var reader: PacedReader
    private var tree = KeyTree()
    private var scanned = 0
    private var isComplete = true

    /// Creates it.
    package init(_ configuration: Configuration, _ redis: RedisClient) {
        self.redis = redis
        self.configuration = configuration
        keys = Keys(prefix: configuration.prefix)
        reader = PacedReader(redis)
    }

    /// What is probably a mistake, in the order of the file.
    ///
    /// - Parameter file: the name of the file.
    package mutating func doubts(file: String) async throws -> [ConfigurationError.Problem] {
        let cleanups = configuration.cleanups.filter { cleanup in !cleanup.settings.contains { $0.key == "in" } }
        let found = try await walk(cleanups)
        guard scanned > 0 else { return [] }
        let templates = tree.shapes().map(\.template)
        var doubts: [ConfigurationError.Problem] = []
        for (cleanup, names) in zip(cleanups, found) {
            func add(_ key: String, _ message: String) {
                let path = "cleanups.\(cleanup.name).\(key)"
                doubts.append(ConfigurationError.Problem(file: file, line: nil, path: path, message: message))
            }
            if names.records.isEmpty { add("records", missing(cleanup.records, templates)) }
            for (use, isThere) in zip(Self.uses(of: cleanup), names.uses) where !isThere && !names.records.isEmpty {
                add(use.role.rawValue, missing(use.template, templates))
            }
            if let why = try await mismatch(cleanup, names.records) { add("format", why) }
        }
        return doubts
    }

    /// What was found of a cleanup's keys.
    private struct Found {
        var records: [String] = []
        var uses: [Bool]
    }

    /// The keys that are only looked at: where there is none, all records are judged alike.
    private static func uses(of cleanup: Cleanup) -> [KeyUse] {
        cleanup.policy.reads.filter { [.alive, .parent, .members].contains($0.role) }
    }

    private mutating func walk(_ cleanups: [Cleanup]) async throws -> [Found] {
        let names = cleanups.map { RecordNames($0, among: configuration.cleanups, keys: keys) }
        let uses = cleanups.map { Self.uses(of: $0).map { TemplateText($0.template.text) } }
        var found = uses.map { Found(uses: $0.map { _ in false }) }
        for node in try await redis.primaries() {
            var cursor = "0"
            repeat {
                let step = try await reader.scan(node, from: cursor, match: nil)
                cursor = step.next
                for key in step.keys where !keys.own(key) && key.utf8.count <= KeyTree.longestKey {
                    scanned += 1
                    tree.add(key)
                    for place in cleanups.indices {
                        if found[place].records.count < Self.sample, names[place].id(of: key) != nil {
                            found[place].records.append(key)
                        }
                        for (number, text) in uses[place].enumerated() where !found[place].uses[number] {
                            found[place].uses[number] = text.fits(key)
                        }
                    }
                }
                if scanned >= Self.mostKeys {
                    isComplete = false
                    return found
                }
            } while cursor != "0"
        }
        return found
    }

    /// What is said of a template without a key.
    private func missing(_ template: KeyTemplate, _ others: [String]) -> String {
        let among = isComplete ? "no key" : "none of the first \(scanned) keys"
        let guess = Spelling.nearest(to: template.text, among: others).map { ", did you mean “\($0)”?" } ?? ""
        return "\(among) in Redis is like “\(template.text)”\(guess)"
    }

    /// Why the records aren't of the format that the cleanup has; nil if they are.
    private mutating func mismatch(_ cleanup: Cleanup, _ names: [String]) async throws -> String? {
        let kinds = try await reader.kinds(names)
        let types = Dictionary(grouping: kinds, by: \.type)
        guard let (type, alike) = types.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) }),
            alike.count * 2 > kinds.count
        else { return nil }
        let example = YAMLText.comment(alike[0].key, atMost: 80)
        let expected = cleanup.format == .hash ? "hash" : "string"
        if cleanup.format == .hash, type == "string" {
            let texts = try await reader.texts(alike.map(\.key))
            let isJSON = texts.contains { RecordFacts.row(json: $0.text) != nil }
            if isJSON { return "missing, and \(example) is a text with JSON: expected format: json" }
            return cleanup.policy.manner.takesText ? nil : "\(example) is a \(type): expected a hash"
        }
        return type == expected
            ? nil : "\(example) is a \(type): expected a \(expected) (format is \(cleanup.format.rawValue))"
    }
}

/// A template as the texts between its gaps.
private struct TemplateText {
    private let texts: [String]

    init(_ template: String) {
        var texts = [""]
        var isGap = false
        for character in template {
            switch character {
            case "<": isGap = true
            case ">":
                isGap = false
                texts.append("")
            default: if !isGap { texts[texts.count - 1].append(character) }
            }
        }
        self.texts = texts
    }

    /// Whether a key can be of the template, with something in each gap.
    func fits(_ key: String) -> Bool {
        guard let first = texts.first, let last = texts.last, key.hasPrefix(first) else { return false }
        guard texts.count > 1 else { return key == first }
        var rest = key.dropFirst(first.count)
        for text in texts.dropFirst().dropLast() where !text.isEmpty {
            guard let place = rest.dropFirst().firstRange(of: text) else { return false }
            rest = rest[place.upperBound...]
        }
        return rest.hasSuffix(last) && rest.count > last.count
    }
}
