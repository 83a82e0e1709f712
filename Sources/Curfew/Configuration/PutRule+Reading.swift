internal import Policies

extension Section {
    /// What is put into other keys: a section, or a list of sections.
    ///
    /// - Parameter content: what is put where the file doesn't say what.
    func puts(
        _ key: String, orElse content: (Section) throws(TemplateError) -> PutRule.Content
    ) -> [PutRule] {
        sections(key).compactMap { $0.put(orElse: content) }
    }

    /// The sections of a list, or the one that stands for it.
    func sections(_ key: String) -> [Section] {
        guard let entry = entry(key) else { return [] }
        guard case .list(let items) = entry.value.content else { return section(key).map { [$0] } ?? [] }
        return items.enumerated().compactMap { inner($1, "\(key)[\($0 + 1)]", line: $1.line) }
    }

    private func put(orElse content: (Section) throws(TemplateError) -> PutRule.Content) -> PutRule? {
        expect(["to", "kind", "at", "score", "field", "member", "value", "json", "entry", "as", "ttl", "with"])
        // A message says itself which queue it belongs to.
        let to = templates.isOfMessages ? template("to", isRequired: true) : writtenTemplate("to", isRequired: true)
        let kind = putKind()
        let place = choice("at", Place.allCases)
        let found = putContent(kind)
        let score = effectTemplate("score"), field = effectTemplate("field")
        let keptFor = duration("ttl")
        check(kind, hasScore: score != nil)
        if has("at"), let kind, kind != .list {
            problem("at", "a \(kind.word) has no head and tail, expected kind: list")
        }
        if has("ttl"), kind != .text { problem("ttl", "only a text is kept for a time, expected as: text") }
        guard let to else { return nil }
        do {
            var rule = PutRule(
                to: to, kind: kind ?? (place == nil ? nil : .list), isAtHead: place == .head, score: score,
                field: field, content: try found ?? content(self), keptFor: keptFor)
            rule.with = changes(to: rule.content)
            return rule
        } catch {
            preconditionFailure("the built-in content is no template: \(error)")
        }
    }

    /// `with`: paths in what is put there, with what they get.
    private func changes(to content: PutRule.Content) -> [(path: String, value: JSONTemplate)] {
        guard let with = section("with") else { return [] }
        guard case .text = content else {
            problem("with", "changes JSON that is there already, expected it beside member or value")
            return []
        }
        return with.entries.compactMap { entry in
            with.jsonTemplate(entry.value, at: entry.key).map { (entry.key, $0) }
        }
    }

    /// `kind`, or what other keys say of it.
    private func putKind() -> Push.Kind? {
        let isText = choice("as", [TextWord.text]) != nil
        let written = choice("kind", KindWord.allCases).map(\.kind)
        if isText, has("kind") { problem("as", "can't be used together with kind") }
        if let written { return written }
        if isText { return .text }
        if has("score") { return .zset }
        return has("field") ? .hash : has("entry") ? .stream : nil
    }

    private func check(_ kind: Push.Kind?, hasScore: Bool) {
        if kind == .zset, !has("score") {
            problem("score", "missing, expected a number, a field like <priority>, or <now:ms>: kind is zset")
        }
        if let kind, kind != .zset, has("score") {
            problem("score", "a \(kind.word) has no scores, expected kind: zset")
        }
        if has("field"), let kind, kind != .hash {
            problem("field", "a \(kind.word) has no fields, expected kind: hash")
        }
    }

    /// What is put: one of `member`, `value`, `json` and `entry`.
    private func putContent(_ kind: Push.Kind?) -> PutRule.Content? {
        let given = ["member", "value", "json", "entry"].filter { has($0) }
        for key in given.dropFirst() { problem(key, "can't be used together with \(given[0])") }
        guard let key = given.first else { return nil }
        switch key {
        case "member", "value": return effectTemplate(key).map { .text($0) }
        default:
            if key == "entry", let kind, kind != .stream, kind != .hash {
                problem("entry", "a \(kind.word) has no entries of fields, expected kind: stream or hash, or json")
            }
            if key == "json" {
                if kind == .stream { problem("json", "an entry of a stream is fields, expected entry") }
                return entry("json").flatMap { jsonTemplate($0.value, at: "json") }.map { .document($0) }
            }
            if let list = section(key), list.entries.isEmpty {
                problem(key, "is empty, expected fields with their values")
                return nil
            }
            return section(key).map { list -> PutRule.Content in
                let fields = list.entries.map { PutRule.Field(name: $0.key, value: list.effectTemplate($0.key)) }
                return .entry(fields)
            }
        }
    }

    /// A text with gaps; nil where it is empty or has a problem.
    func effectTemplate(_ key: String) -> KeyTemplate? {
        guard has(key), !isEmptyText(key) else { return nil }
        guard let text = text(key, expected: "a text like REFUND or <reason>") else { return nil }
        return template(ofEffect: text, at: key)
    }

    /// A text with gaps that may hold anything.
    func template(ofEffect text: String, at key: String) -> KeyTemplate? {
        do {
            let template = try KeyTemplate(text, values: .any)
            if let word = template.unknownTimes.first {
                problem(
                    key,
                    "“<\(word)>” is no time, expected <now>, <now:s>, <now:ms>, <now:us>, <now:ns> or <now:iso>, "
                        + "each also with a span: <now:s+1y>")
            }
            return template
        } catch {
            problem(key, "\(quoted(text, of: key)) is no template: \(error)")
            return nil
        }
    }

    /// The end of a list.
    private enum Place: String, CaseIterable {
        case head, tail
    }

    private enum TextWord: String, CaseIterable {
        case text
    }

    /// The words of `kind`.
    private enum KindWord: String, CaseIterable {
        case list, zset, set, hash, stream

        var kind: Push.Kind {
            switch self {
            case .list: .list
            case .zset: .zset
            case .set: .set
            case .hash: .hash
            case .stream: .stream
            }
        }
    }
}

extension Push.Kind {
    /// As the file calls it.
    fileprivate var word: String { self == .text ? "text" : rawValue }
}
