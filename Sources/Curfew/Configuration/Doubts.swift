internal import Policies
internal import RedisClient

/// Settings that are probably mistakes: names that no key, field or record can have.
///
/// They aren't errors, since a key may have any name; `config check` warns about them. Each warning says why nothing
/// can match.
struct Doubts {
    /// The keys of a cleanup with key templates.
    private static let templates: Set = [
        "records", "alive", "balance", "ledger", "queue", "key", "set", "list", "zset", "hash", "record", "parent",
        "also",
        "index", "refs",
    ]
    /// The keys with field names.
    private static let fields: Set = [
        "status", "since", "heartbeat", "completed-when", "amount", "total", "queued", "processing", "completed",
        "failed", "parent-status", "size", "unless", "mark", "by", "error", "finished", "recoveries", "attempts",
        "touch", "carry", "warned", "latest", "sum",
    ]
    /// The keys with states, which are compared as written.
    private static let states: Set = ["states", "to", "completed-to", "failed-to", "parent-states"]
    /// The keys with what is put into other keys.
    private static let puts: Set = ["record"]
    /// Templates that need a placeholder, and what one without a placeholder would mean.
    private static let needGaps = [
        "alive": "it is the same key for all records, so either all of them are alive or none",
        "set": "it is the same set for all records, so every one of them has the same members",
    ]

    private let file: String
    private let keys: Keys
    /// Whether the records of the cleanup that is looked at stand in registries.
    private var isOfRegistries = false
    private(set) var found: [ConfigurationError.Problem] = []

    /// Checks all cleanups of a file.
    ///
    /// - Parameter list: the section `cleanups`.
    init(_ list: Section?, cleanups: [Cleanup], file: String) {
        self.file = file
        keys = list?.templates.keys ?? TemplateRules().keys
        for entry in list?.entries ?? [] where !entry.isOfPreset {
            isOfRegistries = list?.section(entry.key)?.isInRegistries == true
            look(at: entry, path: "cleanups.\(entry.key)", parent: "")
        }
        let byRecords = Dictionary(grouping: cleanups, by: \.records)
        for cleanup in cleanups {
            guard let awaited = cleanup.policy.awaitedEnd else { continue }
            let line = list?.section(cleanup.name)?.entry("since")?.line
            for other in byRecords[cleanup.records] ?? [] {
                guard let why = Self.neverWritten(awaited, other) else { continue }
                add(line, "cleanups.\(cleanup.name).since", why)
            }
        }
        found += SharedRecords(list, file: file).doubts(cleanups)
    }

    private mutating func add(_ line: Int?, _ path: String, _ message: String) {
        found.append(ConfigurationError.Problem(file: file, line: line, path: path, message: message))
    }

    /// The keys with what the application calls by its own names, and with patterns.
    private static let foreign: Set = [
        "set", "unset", "add", "take", "put", "publish", "only", "except", "each", "member", "id",
    ]

    private mutating func look(at entry: YAMLNode.Entry, path: String, parent: String) {
        // A set of members is one of the sections that has a key called so.
        if Self.foreign.contains(entry.key), parent != "members" { return }
        switch entry.value.content {
        case _ where Self.puts.contains(entry.key) && !entry.value.isScalar:
            // All else in it are templates of texts, and names that the application chooses.
            for put in entry.value.sections {
                guard let to = put.first(where: { $0.key == "to" }), case .scalar(let scalar) = to.value.content else {
                    continue
                }
                look(at: scalar, key: "key", line: to.line, path: "\(path).to", parent: entry.key)
            }
        case .section(let entries):
            // The keys of these sections are types and states of the application.
            for inner in entries { look(at: inner, path: "\(path).\(inner.key)", parent: entry.key) }
        case .list(let items):
            for item in items {
                guard case .scalar(let scalar) = item.content else { continue }
                look(at: scalar, key: entry.key, line: item.line, path: path, parent: parent)
            }
        case .scalar(let scalar): look(at: scalar, key: entry.key, line: entry.line, path: path, parent: parent)
        case .nothing, .unreadable: return
        }
    }

    private mutating func look(at scalar: YAMLNode.Scalar, key: String, line: Int, path: String, parent: String) {
        let hasGap = scalar.text.contains("<") && scalar.text.contains(">")
        // In `members` and `timeouts`, some names are states or types.
        let isState = Self.states.contains(key) || (parent == "members" && Self.fields.contains(key) && key != "status")
        if Self.templates.contains(key) {
            if let sign = scalar.text.unicodeScalars.first(where: { "*?[".unicodeScalars.contains($0) }) {
                let what = sign == "[" ? "“[…]”" : "“\(sign)”"
                add(
                    line, path,
                    "“\(scalar.written)” has a \(what), which is a literal character here: expected a gap "
                        + "like <id>, or a key that really has this name")
            }
            warnOfOwnKeys(scalar, line, path)
            if let why = Self.needGaps[key], !hasGap {
                add(line, path, "“\(scalar.written)” has no gap: \(why); expected a key like \(key):<id>")
            }
        } else if isState, hasGap {
            add(
                line, path,
                "“\(scalar.written)” is compared as written, and gaps in it are not filled: expected a state")
        } else if Self.fields.contains(key), hasGap, !Self.isWord(scalar.text) {
            add(
                line, path,
                "“\(scalar.written)” is the literal name of a field, including < and >: expected the name of a "
                    + "field, like \(scalar.written.filter { !"<>".contains($0) })")
        }
    }

    /// Warns about a template that may match one of Curfew's own keys.
    private mutating func warnOfOwnKeys(_ scalar: YAMLNode.Scalar, _ line: Int, _ path: String) {
        // What is only looked at can name any key.
        if isOfRegistries, path.contains(".alive") { return }
        // An invalid template is reported elsewhere.
        guard let template = Self.template(scalar.text), !template.isConstant, keys.mayOwn(template) else { return }
        add(
            line, path,
            "“\(scalar.written)” may match one of Curfew's own keys, \(keys.prefix)… or curfew:trash:…, which are "
                + "ignored or an error: expected a key that begins with a name of the application, like job:<id>"
        )
    }

    /// Whether it is a word for what is known of a record beside its fields: `<score>`, `<ttl:610s>`.
    private static func isWord(_ text: String) -> Bool {
        ["<score>", "<idle>", "<seen>"].contains(text) || text.hasPrefix("<ttl:")
    }

    private static func template(_ text: String) -> KeyTemplate? {
        do {
            return try KeyTemplate(text)
        } catch {
            return nil
        }
    }

    /// Why a retention never finds the time at which another cleanup ended a record; nil if it can find it.
    private static func neverWritten(_ awaited: AwaitedEnd, _ other: Cleanup) -> String? {
        guard let ending = other.policy.ending, let first = awaited.since.first,
            awaited.states.map({ $0.contains(ending.to) }) ?? true,
            awaited.since.allSatisfy({ isEnd($0) && !ending.fields.contains($0) && !other.fields.contains($0) })
        else { return nil }
        let writes = ending.finished.map { "it writes \($0)" } ?? "it writes none"
        return
            "waits for \(awaited.since.joined(separator: ", ")), which \(other.name) doesn't write when it ends such a "
            + "record (\(writes)), so these records are kept for ever: expected "
            + (ending.finished.map { "\($0) among them, or " } ?? "")
            + "writes: {finished: \(first)} in \(other.name)"
    }

    /// Whether a field name suggests the time of an end; an application writes other times at other moments.
    static func isEnd(_ field: String) -> Bool {
        let name = field.lowercased()
        return ["end", "finish", "complet", "fail", "cancel", "clos", "done", "stop"].contains { name.contains($0) }
    }
}

extension YAMLNode {
    /// Whether it is a single value.
    fileprivate var isScalar: Bool {
        if case .scalar = content { true } else { false }
    }

    /// The entries of a section, or of each section of a list.
    fileprivate var sections: [[Entry]] {
        switch content {
        case .section(let entries): [entries]
        case .list(let items): items.flatMap(\.sections)
        case .scalar, .nothing, .unreadable: []
        }
    }
}
