internal import Policies
internal import RedisClient

extension CurfewConfiguration {
    /// A value of the file: a text, a number, a list or a section.
    ///
    /// Literals are settings: `["set": ["status": "queued"], "put": [["to": "jobs:queued"]]]`.
    public struct Setting: Sendable {
        private enum Form {
            case text(String, isPlain: Bool)
            case list([Setting])
            case section([(key: String, value: Setting)])
        }

        private let form: Form

        private init(_ form: Form) {
            self.form = form
        }

        /// A text, taken as it is: `${NAME}` in it is no variable.
        public static func text(_ text: String) -> Setting { Setting(.text(text, isPlain: false)) }

        /// A time with its unit, in whole milliseconds.
        public static func duration(_ duration: Duration) -> Setting { Setting(.text(duration.text, isPlain: true)) }

        /// A list of texts.
        public static func list(_ texts: [String]) -> Setting { Setting(.list(texts.map(Setting.text))) }

        /// A list of settings.
        public static func items(_ items: [Setting]) -> Setting { Setting(.list(items)) }

        /// A section: keys in their order, each of which may be there once.
        static func section(_ entries: [(key: String, value: Setting)]) -> Setting { Setting(.section(entries)) }

        fileprivate static func word(_ word: String) -> Setting { Setting(.text(word, isPlain: true)) }

        /// The setting as a part of the tree that a file is read into; a key that is there twice is a problem.
        func node(path: String, _ problems: ProblemList) -> YAMLNode {
            switch form {
            case .text(let text, let isPlain):
                let held = text.held
                // What the environment leaves empty is a problem of a secret; so is an empty secret in code.
                let isSecret = SecretKeys.cover(path.split(separator: ".").map(String.init))
                let scalar = YAMLNode.Scalar(text: held, source: isSecret ? "•••" : held, isPlain: isPlain)
                return YAMLNode(line: 0, content: .scalar(scalar))
            case .list(let items):
                return YAMLNode(line: 0, content: .list(items.map { $0.node(path: path, problems) }))
            case .section(let entries):
                var known: Set<String> = []
                var nodes: [YAMLNode.Entry] = []
                for (key, value) in entries {
                    let key = key.held
                    let place = path.isEmpty ? key : "\(path).\(key)"
                    guard known.insert(key).inserted else {
                        problems.add(line: nil, path: place, "duplicate key")
                        continue
                    }
                    nodes.append(YAMLNode.Entry(key: key, line: 0, value: value.node(path: place, problems)))
                }
                return YAMLNode(line: 0, content: .section(nodes))
            }
        }
    }
}

extension CurfewConfiguration.Setting: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A text.
    public init(stringLiteral text: String) { self = .text(text) }
    /// A whole number.
    public init(integerLiteral number: Int) { self = .word(String(number)) }
    /// A number.
    public init(floatLiteral number: Double) { self = .word(String(number)) }
    /// `true` or `false`.
    public init(booleanLiteral flag: Bool) { self = .word(String(flag)) }
    /// A list.
    public init(arrayLiteral items: CurfewConfiguration.Setting...) { self = .items(items) }
    /// The keys of a section are texts.
    public typealias Key = String
    /// Their values are settings.
    public typealias Value = CurfewConfiguration.Setting
    /// A section; a key that is there twice is a problem of the configuration.
    public init(dictionaryLiteral entries: (String, CurfewConfiguration.Setting)...) {
        self = .section(entries.map { (key: $0, value: $1) })
    }
}

/// The keys of a section that is made in code; what is nil or empty is left out.
struct SettingKeys {
    private(set) var entries: CurfewConfiguration.Setting.Section = []

    var setting: CurfewConfiguration.Setting { .section(entries) }

    mutating func add(_ key: String, _ value: CurfewConfiguration.Setting?) {
        if let value { entries.append((key, value)) }
    }

    mutating func add(_ key: String, _ text: String?) { add(key, text.map { .text($0) }) }

    mutating func add(_ key: String, _ number: Int?) { add(key, number.map { .word(String($0)) }) }

    mutating func add(_ key: String, _ flag: Bool?) { add(key, flag.map { .word(String($0)) }) }

    mutating func add(_ key: String, _ duration: Duration?) { add(key, duration.map { .duration($0) }) }

    /// One text alone is written as such.
    mutating func add(_ key: String, _ texts: [String]) {
        if !texts.isEmpty { add(key, texts.count == 1 ? .text(texts[0]) : .list(texts)) }
    }

    mutating func add(_ key: String, _ section: SettingKeys) {
        if !section.entries.isEmpty { add(key, section.setting) }
    }

    mutating func add(_ key: String, named values: [(String, CurfewConfiguration.Setting)]) {
        if !values.isEmpty { add(key, .section(values.map { (key: $0, value: $1) })) }
    }

    /// Further keys, in an order that doesn't depend on chance.
    mutating func add(_ more: [String: CurfewConfiguration.Setting]) {
        for (key, value) in more.sorted(by: { $0.key < $1.key }) { add(key, value) }
    }
}
