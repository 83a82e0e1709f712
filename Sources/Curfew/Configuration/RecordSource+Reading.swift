internal import Policies

extension RecordSource {
    /// The keys of a cleanup that say where records are, beside `records`.
    static let keys = ["in", "member", "record", "each", "group", "consumers", "id"]
}

extension Section {
    /// Where the records of a cleanup are: the template that stands for them, and more where that isn't all.
    func recordSource(_ kind: PolicyKind?) -> (records: KeyTemplate?, source: RecordSource?) {
        guard isInRegistries else {
            for key in RecordSource.keys where key != "id" && has(key) {
                problem(key, "says something about registries, expected “in” as well")
            }
            return keySource()
        }
        if kind == .files {
            problem("in", "files can't stand in registries: their objects go before their records; expected records")
        }
        if has("records") { problem("records", "can't be used together with in: a member's key is said by “record”") }
        if has("index") {
            problem("index", "can't be used together with in: Curfew keeps what it has seen of registries")
        }
        let each = each()
        let templates = (texts("in") ?? []).compactMap { text -> KeyTemplate? in
            guard let template = template(text, at: "in") else { return nil }
            // What another key names is no guess.
            let isNamed = template.gapNames.first.map { name in each.contains { $0.gap == name } } ?? false
            return isNamed || isBound(template, at: "in") ? template : nil
        }
        let member = has("member") ? gapped("member") : nil
        guard let body = recordBody(), !templates.isEmpty else { return (nil, nil) }
        var source = RecordSource(templates: templates, isRegistry: true, member: member, body: body)
        source.each = each
        source.group = text("group", expected: "the name of a consumer group")
        if let consumers = section("consumers") {
            consumers.expect(["idle"])
            source.idleConsumers = consumers.duration("idle", isRequired: true)
            if source.group == nil { problem("consumers", "are those of a group, expected “group” as well") }
        }
        source.name = text("id", expected: "the name of a field, or a path")
        source.gaps = gapRules(source.gapNames)
        // What another key names may hold anything.
        for each in source.each where source.gaps[each.gap] == nil { source.gaps[each.gap] = .any }
        source.isByScore = isByScore
        source.isTaken = !isNone("take")
        check(source)
        if case .key(let key) = body { return (key, source) }
        return (templates[0], source)
    }

    /// `records`: one key with `<id>`, or several, or with several gaps.
    private func keySource() -> (records: KeyTemplate?, source: RecordSource?) {
        let isList = if case .list? = entry("records")?.value.content { true } else { false }
        let texts = isList ? texts("records") ?? [] : []
        let isSingle = !isList && singleTemplate?.fields.isEmpty != false
        guard !isSingle else {
            let template = recordTemplate("records")
            guard let name = text("id", expected: "the name of a field, or a path"), let template else {
                return (template, nil)
            }
            var source = RecordSource(templates: [template], isRegistry: false, member: nil, body: .key(template))
            source.name = name
            return (template, source)
        }
        let templates = (isList ? texts : [singleTemplate?.text ?? ""]).compactMap { text -> KeyTemplate? in
            guard let template = template(text, at: "records") else { return nil }
            guard !template.isConstant else {
                problem("records", "\(quoted(text, of: "records")) has no gap, expected a key like job:<id>")
                return nil
            }
            guard isBound(template, at: "records") else { return nil }
            return template
        }
        guard let first = templates.first else {
            if !isList, !has("records") { _ = recordTemplate("records") }
            return (nil, nil)
        }
        var source = RecordSource(templates: templates, isRegistry: false, member: nil, body: .key(first))
        source.name = text("id", expected: "the name of a field, or a path")
        source.gaps = gapRules(source.gapNames)
        return (first, source)
    }

    /// The one template of `records`, without a look at what is wrong with it.
    private var singleTemplate: KeyTemplate? {
        guard case .scalar(let scalar)? = entry("records")?.value.content else { return nil }
        do {
            return try KeyTemplate(scalar.text, values: templates.values)
        } catch {
            return nil
        }
    }

    /// `record`: a key, or a field of a hash; left out, the member itself.
    private func recordBody() -> RecordSource.Body? {
        guard has("record") else { return .member }
        guard case .section? = entry("record")?.value.content, let inner = section("record") else {
            // What its member names can't be any key: the registry is the application's.
            return template("record").map { .key($0) }
        }
        inner.expect(["key", "field"])
        let key = inner.writtenTemplate("key", isRequired: true)
        if !inner.has("field") { inner.problem("field", "missing, expected the field of the hash, like <id>") }
        guard let key, let field = inner.effectTemplate("field") else { return nil }
        return .field(key: key, field: field)
    }

    /// `each`: gaps that go over the members of other keys.
    private func each() -> [RecordSource.Each] {
        guard let inner = section("each") else { return [] }
        return inner.entries.compactMap { entry in
            inner.text(entry.key, expected: "the key of a set").flatMap { key in
                guard !key.contains("<"), !inner.templates.keys.own(key) else {
                    inner.problem(entry.key, "“\(key)” has a gap, or is Curfew's own: expected the key of a set")
                    return nil
                }
                return RecordSource.Each(gap: entry.key, key: key)
            }
        }
    }

    /// A template of a member.
    private func gapped(_ key: String) -> KeyTemplate? {
        guard let template = effectTemplate(key) else { return nil }
        if template.isConstant { problem(key, "has no gap, expected one like <id> or <id>:<execution>") }
        return template
    }

    /// Whether the age counts from the score that a member has.
    private var isByScore: Bool {
        switch entry("since")?.value.content {
        case .scalar(let scalar)?: scalar.text == "<score>"
        case .list(let items)?:
            if case .scalar(let scalar)? = items.first?.content { scalar.text == "<score>" } else { false }
        default: false
        }
    }

    /// `only` and `except`, by gap.
    private func gapRules(_ names: Set<String>) -> [String: GapRule] {
        var rules: [String: GapRule] = [:]
        for (key, isOnly) in [("only", true), ("except", false)] {
            guard let inner = section(key) else { continue }
            inner.expect(names.sorted())
            for entry in inner.entries where names.contains(entry.key) {
                let patterns = inner.patterns(entry.key)
                var rule = rules[entry.key] ?? GapRule()
                if isOnly { rule.only += patterns } else { rule.except += patterns }
                rules[entry.key] = rule
            }
        }
        return rules
    }

    /// What a record can be named by must be known of its member.
    private func check(_ source: RecordSource) {
        let known = source.gapNames.union(["id", "member"])
        var named: [(key: String, template: KeyTemplate)] = []
        switch source.body {
        case .key(let key): named = [("record", key)]
        case .field(let key, let field): named = [("record", key), ("record", field)]
        case .member: break
        }
        for (key, template) in named {
            for name in template.gapNames where !known.contains(name) {
                problem(
                    key,
                    "“\(template.text)” names <\(name)>, which neither in nor member has: expected one of "
                        + source.gapNames.union(["id"]).sorted().map { "<\($0)>" }.joined(separator: ", "))
            }
        }
    }

    /// Whether the value of a key is the word `none`.
    func isNone(_ key: String) -> Bool {
        if case .scalar(let scalar)? = entry(key)?.value.content { scalar.text == "none" } else { false }
    }
}

extension Section {
    /// Whether what is known of a record beside its fields can be known, where its age counts from that.
    func checkWords(_ names: [String], _ source: RecordSource?) {
        for name in names where name.hasPrefix("<") && name.hasSuffix(">") {
            let word = name.dropFirst().dropLast()
            switch word {
            case "score" where source?.isRegistry != true:
                problem("since", "“\(name)” is what a member of a sorted set has, expected in, or a field")
            case "idle" where source?.group == nil:
                problem("since", "“\(name)” is what a pending entry has, expected group, or a field")
            case "score", "idle", "seen": continue
            default:
                guard word.hasPrefix("ttl:"), Duration(text: String(word.dropFirst(4))) == nil else { continue }
                problem("since", "“\(name)” names no time, expected one like <ttl:60s>")
            }
        }
    }
}
