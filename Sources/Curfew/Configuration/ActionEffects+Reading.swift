internal import Policies

extension ActionEffects {
    /// The keys of an action's section that are effects.
    static let keys = ["set", "unset", "add", "take", "put", "delete", "publish"]

    /// The sections of a cleanup that are actions; `retry` may also have keys of its policy.
    static let sections: [(name: String, actions: [Change.Action])] = [
        ("retry", [.retry]), ("fail", [.fail]), ("complete", [.complete]), ("cancel", [.cancel]), ("reset", [.reset]),
        ("release", [.release]), ("remove", [.remove, .delete]), ("close", [.complete, .fail]),
    ]
}

extension Section {
    /// What the file adds to actions.
    ///
    /// - Parameter kind: the policy, which may read other keys of such a section itself.
    func actionEffects(_ kind: (any ConfiguredPolicy.Type)?) -> [Change.Action: ActionEffects] {
        let known = kind?.sections ?? []
        var found: [Change.Action: ActionEffects] = [:]
        let always = takings("take")
        let registries = has("in") ? texts("in") ?? [] : []
        for (name, actions) in ActionEffects.sections where has(name) {
            guard let section = section(name) else { continue }
            if let kind, !actions.contains(where: kind.actions.contains) {
                let others = ActionEffects.sections.filter { $0.actions.contains(where: kind.actions.contains) }.map(
                    \.name)
                problem(
                    name, "\(kind.kind.rawValue) has no such action, expected one of \(others.joined(separator: ", "))")
            }
            if [Change.Action.remove, .release].contains(where: actions.contains) {
                for key in ["set", "unset", "add"] where section.has(key) {
                    section.problem(key, "has no effect: the record is removed")
                }
            }
            if !known.contains(name) { section.expect(ActionEffects.keys) }
            guard ActionEffects.keys.contains(where: { section.has($0) }) else { continue }
            var effects = section.effects()
            for template in effects.delete where registries.contains(template.text) {
                section.problem("delete", "“\(template.text)” is where the records stand, expected a key of the record")
            }
            for taking in always where !effects.take.contains(taking) { effects.take.append(taking) }
            for action in actions where found[action] == nil { found[action] = effects }
        }
        if !always.isEmpty {
            for action in ActionEffects.sections.flatMap(\.actions) where found[action] == nil {
                found[action] = ActionEffects(take: always)
            }
        }
        return found
    }

    private func effects() -> ActionEffects {
        let written = [
            ("set", names(of: "set")), ("unset", has("unset") ? texts("unset") ?? [] : []), ("add", names(of: "add")),
        ]
        for (number, (key, fields)) in written.enumerated() {
            for (other, others) in written[..<number] {
                for field in fields where others.contains(field) {
                    problem(key, "“\(field)” is in \(other) as well, expected each field once")
                }
            }
        }
        return wholeEffects()
    }

    private func names(of key: String) -> [String] {
        guard case .section(let entries)? = entry(key)?.value.content else { return [] }
        return entries.map(\.key)
    }

    private func wholeEffects() -> ActionEffects {
        ActionEffects(
            set: (section("set")?.settings() ?? []), unset: has("unset") ? texts("unset") ?? [] : [],
            add: section("add")?.counts() ?? [], take: takings("take"),
            put: puts("put") { (section) throws(TemplateError) in
                // What a hash holds under a field is more than its name.
                .text(try KeyTemplate(section.has("field") ? "<body>" : "<id>", values: .any))
            },
            delete: companionTemplates("delete"), publish: sections("publish").compactMap { $0.message() })
    }

    private func settings() -> [ActionEffects.Setting] {
        entries.map { ActionEffects.Setting(field: $0.key, value: effectTemplate($0.key)) }
    }

    private func counts() -> [ActionEffects.Addition] {
        entries.compactMap { entry in
            value(entry.key, expected: "a whole number, like 1 or -1") { Int64($0) }
                .map { ActionEffects.Addition(field: entry.key, amount: $0) }
        }
    }

    /// `take`: sections; `none` is read elsewhere.
    private func takings(_ key: String) -> [ActionEffects.Take] {
        if case .scalar(let scalar)? = entry(key)?.value.content, scalar.text == "none" { return [] }
        return sections(key).compactMap { $0.taking() }
    }

    private func taking() -> ActionEffects.Take? {
        expect(["from", "member"])
        let from = writtenTemplate("from", isRequired: true)
        if !has("member") { problem("member", "missing, expected what is taken out, like <id>") }
        guard let from, let member = effectTemplate("member") else { return nil }
        return ActionEffects.Take(from: from, member: member)
    }

    private func message() -> ActionEffects.Message? {
        expect(["channel", "message", "json"])
        if !has("channel") { problem("channel", "missing, expected the name of a channel") }
        let channel = effectTemplate("channel")
        if has("message"), has("json") { problem("json", "can't be used together with message") }
        guard let channel else { return nil }
        if let entry = entry("json") {
            return jsonTemplate(entry.value, at: "json").map {
                ActionEffects.Message(channel: channel, content: $0, isJSON: true)
            }
        }
        guard has("message") || isEmptyText("message") else {
            problem("message", "missing, expected what is published: message or json")
            return nil
        }
        return ActionEffects.Message(channel: channel, content: .text(effectTemplate("message")), isJSON: false)
    }

    /// Whether an action writes the status by `set`.
    func setsStatus(_ action: String, _ status: String) -> String? {
        guard let entry = entry(action), case .section(let entries) = entry.value.content,
            let set = entries.first(where: { $0.key == "set" }), case .section(let fields) = set.value.content,
            let field = fields.first(where: { $0.key == status }), case .scalar(let scalar) = field.value.content
        else { return nil }
        return scalar.text
    }

    /// Whether an action has effects of its own.
    func hasEffects(_ action: String) -> Bool {
        guard let entry = entry(action), case .section(let entries) = entry.value.content else { return false }
        return entries.contains { ActionEffects.keys.contains($0.key) }
    }
}

extension Section {
    /// JSON with gaps.
    func jsonTemplate(_ node: YAMLNode, at key: String) -> JSONTemplate? {
        switch node.content {
        case .nothing: return .bare("null")
        case .unreadable: return nil
        case .scalar(let scalar):
            if scalar.isPlain, JSONTemplate.isBare(scalar.text) { return .bare(scalar.text) }
            if scalar.text.isEmpty { return .text(nil) }
            return template(ofEffect: scalar.text, at: key).map { .text($0) }
        case .list(let items):
            let elements = items.compactMap { jsonTemplate($0, at: key) }
            return elements.count == items.count ? .list(elements) : nil
        case .section(let entries):
            let members = entries.compactMap { entry in
                jsonTemplate(entry.value, at: "\(key).\(entry.key)").map {
                    JSONTemplate.Member(name: entry.key, value: $0)
                }
            }
            return members.count == entries.count ? .object(members) : nil
        }
    }
}
