internal import Policies
internal import RedisClient

/// What a configuration may say and can hardly mean: a name that no key, no field and no record can have.
///
/// None of it is wrong as such, since a key may be called anything, so it is no error: `config check` warns of it. Each
/// warning says why nothing can ever match.
struct Doubts {
    /// The keys of a cleanup under which key templates stand.
    private static let templates: Set = [
        "records", "alive", "balance", "ledger", "queue", "key", "set", "list", "zset", "hash", "record", "parent",
        "also",
        "index", "refs",
    ]
    /// The keys under which names of fields stand.
    private static let fields: Set = [
        "status", "since", "heartbeat", "completed-when", "amount", "total", "queued", "processing", "completed",
        "failed", "parent-status", "size", "unless", "mark", "by", "error", "finished", "recoveries", "attempts",
    ]
    /// The keys under which states stand, which are compared as they are written.
    private static let states: Set = ["states", "to", "completed-to", "failed-to", "parent-states"]
    /// Templates that tell records apart by their gaps, and what one without any would mean.
    private static let needGaps = [
        "alive": "it is the same key for all records, so either all of them are alive or none",
        "set": "it is the same set for all records, so every one of them has the same members",
    ]

    private let file: String
    private let keys: Keys
    private(set) var found: [ConfigurationError.Problem] = []

    /// Looks at all cleanups of a file.
    ///
    /// - Parameter list: the section `cleanups`.
    init(_ list: Section?, cleanups: [Cleanup], file: String) {
        self.file = file
        keys = list?.templates.keys ?? TemplateRules().keys
        for entry in list?.entries ?? [] { look(at: entry, path: "cleanups.\(entry.key)", parent: "") }
        for cleanup in cleanups {
            guard let awaited = cleanup.policy.awaitedEnd else { continue }
            let line = list?.section(cleanup.name)?.entry("since")?.line
            for other in cleanups where other.records == cleanup.records {
                guard let why = Self.neverWritten(awaited, other) else { continue }
                add(line, "cleanups.\(cleanup.name).since", why)
            }
        }
    }

    private mutating func add(_ line: Int?, _ path: String, _ message: String) {
        found.append(ConfigurationError.Problem(file: file, line: line, path: path, message: message))
    }

    private mutating func look(at entry: YAMLNode.Entry, path: String, parent: String) {
        switch entry.value.content {
        case .section(let entries):
            // Types and states of the application's stand as keys there.
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
        // In `members` and `timeouts` some names are those of states, or of types.
        let isState = Self.states.contains(key) || (parent == "members" && Self.fields.contains(key) && key != "status")
        if Self.templates.contains(key) {
            if let sign = scalar.text.unicodeScalars.first(where: { "*?[".unicodeScalars.contains($0) }) {
                let what = sign == "[" ? "“[…]”" : "“\(sign)”"
                add(
                    line, path,
                    "“\(scalar.written)” has a \(what), which stands for itself here and for nothing else: expected a gap "
                        + "like <id>, or a key that really is called so")
            }
            warnOfOwnKeys(scalar, line, path)
            if let why = Self.needGaps[key], !hasGap {
                add(line, path, "“\(scalar.written)” has no gap: \(why); expected a key like \(key):<id>")
            }
        } else if isState, hasGap {
            add(
                line, path,
                "“\(scalar.written)” is compared as it is written, and no gap in it is filled: expected a state")
        } else if Self.fields.contains(key), hasGap {
            add(
                line, path,
                "“\(scalar.written)” is looked for as a field of just that name, with its < and >: expected the name of a "
                    + "field, like \(scalar.written.filter { !"<>".contains($0) })")
        }
    }

    /// A template whose gaps may fill to the name of something that Curfew keeps.
    private mutating func warnOfOwnKeys(_ scalar: YAMLNode.Scalar, _ line: Int, _ path: String) {
        // What is no template is a problem, and not for here.
        guard let template = Self.template(scalar.text), !template.isConstant, keys.mayOwn(template) else { return }
        add(
            line, path,
            "“\(scalar.written)” may come to be one of Curfew's own keys, \(keys.prefix)… or curfew:trash:…, which are "
                + "passed over, or an error: expected a key that begins with a name of the application's, like job:<id>"
        )
    }

    private static func template(_ text: String) -> KeyTemplate? {
        do {
            return try KeyTemplate(text)
        } catch {
            return nil
        }
    }

    /// Why a retention never finds the time at which another cleanup ended a record; nil where it does, or may.
    private static func neverWritten(_ awaited: AwaitedEnd, _ other: Cleanup) -> String? {
        guard let ending = other.policy.ending, let first = awaited.since.first,
            awaited.states.map({ $0.contains(ending.to) }) ?? true,
            awaited.since.allSatisfy({ isEnd($0) && !ending.fields.contains($0) })
        else { return nil }
        let writes = ending.finished.map { "it writes \($0)" } ?? "it writes none"
        return
            "waits for \(awaited.since.joined(separator: ", ")), which \(other.name) doesn't write when it ends such a "
            + "record (\(writes)), so that what it has ended is kept for ever: expected "
            + (ending.finished.map { "\($0) among them, or " } ?? "")
            + "writes: {finished: \(first)} in \(other.name)"
    }

    /// Whether a field sounds as if it held the time of an end: other times an application writes at other moments.
    private static func isEnd(_ field: String) -> Bool {
        let name = field.lowercased()
        return ["end", "finish", "complet", "fail", "cancel", "clos", "done", "stop"].contains { name.contains($0) }
    }
}
